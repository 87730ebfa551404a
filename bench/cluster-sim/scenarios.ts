import type { Cluster, Conditions, Trouble } from './cluster.ts'
import { StateServer } from './state-server.ts'

export interface Scenario {
  readonly name: string
  readonly conditions: Conditions
  /** How long a link may have more downloads than it may: 0 where that must never be. */
  readonly mayBeOverMs: number
  readonly mustBeFreeMs: number
}

/** A lease, and the time that nodes have to write back before anybody is admitted. */
const FREE_MS = 9000

const nodesDie: Trouble = {
  everyMs: 8000,
  strike: (cluster) => {
    cluster.killNode(cluster.random.between(500, 10_000))
  },
}

const nodesPause: Trouble = {
  everyMs: 10_000,
  strike: (cluster) => {
    cluster.pauseNode(cluster.random.between(1000, 30_000))
  },
}

const nodeCutOff: Trouble = {
  everyMs: 30_000,
  strike: (cluster) => {
    cluster.cutOffNode(cluster.random.between(1000, 15_000))
  },
}

const restartsEmpty: Trouble = {
  everyMs: 30_000,
  strike: (cluster) => {
    goAway(cluster, cluster.random.between(50, 3000), (server) => {
      server.restart()
    })
  },
}

/** The disk has what was written until a second ago. */
const restartsOld: Trouble = {
  everyMs: 30_000,
  strike: (cluster) => {
    const { server } = cluster.primary
    const copy = server.copy()
    cluster.timeline.after(cluster.random.between(0, 1000), () => {
      goAway(cluster, cluster.random.between(50, 3000), () => {
        server.restart(copy)
      })
    })
  },
}

/** A replica that lacks the last second takes over; some nodes may not notice for a while. */
function failsOver(strandMs: number): Trouble {
  return {
    everyMs: 30_000,
    strike: (cluster) => {
      const old = cluster.primary
      const copy = old.server.copy()
      cluster.timeline.after(cluster.random.between(0, 1000), () => {
        const server = new StateServer(cluster.protocol)
        server.runId = old.server.runId
        server.restart(copy)
        cluster.primary = cluster.site(server)
        if (strandMs > 0) cluster.strand(old, strandMs)
        else cluster.primary.isUp = false
        cluster.timeline.after(strandMs > 0 ? 0 : 2000, () => {
          cluster.primary.isUp = true
        })
      })
    },
  }
}

const stops: Trouble = {
  everyMs: 60_000,
  strike: (cluster) => {
    cluster.primary.stoppedUntil = cluster.timeline.now + cluster.random.between(500, 20_000)
  },
}

const flushes: Trouble = {
  everyMs: 20_000,
  strike: (cluster) => {
    cluster.primary.server.flush()
  },
}

const clockSteps: Trouble = {
  everyMs: 60_000,
  strike: (cluster) => {
    cluster.stepServerClock(cluster.random.between(-10_000, 10_000))
  },
}

function goAway(cluster: Cluster, downMs: number, comeBack: (server: StateServer) => void): void {
  const site = cluster.primary
  site.isUp = false
  cluster.timeline.after(downMs, () => {
    comeBack(site.server)
    site.isUp = true
  })
}

const badNetwork = { slow: 0.02, lost: 0.0005 }

/** What the protocol promises, and under which trouble. */
export const PROMISES: readonly Scenario[] = [
  { name: 'nothing breaks', conditions: {}, mayBeOverMs: 0, mustBeFreeMs: 500 },
  {
    name: 'slow and lost messages',
    conditions: { weather: badNetwork },
    mayBeOverMs: 0,
    mustBeFreeMs: FREE_MS,
  },
  {
    name: 'nodes are killed',
    conditions: { troubles: [nodesDie] },
    mayBeOverMs: 0,
    mustBeFreeMs: 5000,
  },
  {
    name: 'nodes are paused',
    conditions: { troubles: [nodesPause] },
    mayBeOverMs: 2000,
    mustBeFreeMs: FREE_MS,
  },
  {
    name: 'state restarts empty',
    conditions: { troubles: [restartsEmpty] },
    mayBeOverMs: 0,
    mustBeFreeMs: FREE_MS,
  },
  {
    name: 'state restarts, a second lost',
    conditions: { troubles: [restartsOld] },
    mayBeOverMs: 0,
    mustBeFreeMs: FREE_MS,
  },
  {
    name: 'failover, last writes lost',
    conditions: { troubles: [failsOver(0)] },
    mayBeOverMs: 0,
    mustBeFreeMs: FREE_MS,
  },
  {
    name: 'state stops for 20 s',
    conditions: { troubles: [stops, nodesDie] },
    mayBeOverMs: 0,
    mustBeFreeMs: 25_000,
  },
  {
    name: 'state is flushed',
    conditions: { troubles: [flushes] },
    mayBeOverMs: 0,
    mustBeFreeMs: FREE_MS,
  },
  {
    name: 'paused nodes, restarts, flushes',
    conditions: { troubles: [nodesPause, restartsEmpty, restartsOld, failsOver(0), flushes] },
    // a node that wakes is told when the state is back
    mayBeOverMs: 6000,
    mustBeFreeMs: FREE_MS,
  },
  {
    name: 'killed, restarted, flushed, bad network',
    conditions: {
      weather: badNetwork,
      troubles: [nodesDie, restartsEmpty, restartsOld, failsOver(0), flushes],
    },
    mayBeOverMs: 0,
    mustBeFreeMs: 12_000,
  },
]

/** What it does not promise: how bad it gets. */
export const LIMITS: readonly Scenario[] = [
  {
    name: 'one node cut off for 15 s',
    conditions: { troubles: [nodeCutOff] },
    mayBeOverMs: 17_000,
    mustBeFreeMs: 20_000,
  },
  {
    name: 'old primary serves a third for 5 s',
    conditions: { troubles: [failsOver(5000)] },
    mayBeOverMs: 11_000,
    mustBeFreeMs: 20_000,
  },
  {
    name: 'clock of the state steps by 10 s',
    conditions: { troubles: [clockSteps, nodesDie] },
    mayBeOverMs: 0,
    mustBeFreeMs: 30_000,
  },
]

/** The protocol without one of its parts. */
export const WITHOUT: readonly Scenario[] = [
  changed('no hold: restarts empty', [restartsEmpty], { holdMs: 0 }),
  changed('no watch over silence: stops for 20 s', [stops], { watchesSilence: false }),
  changed('admissions do not see a flush', [flushes], {
    admissionsSeeEpoch: false,
    watchesSilence: false,
    takesBackForMs: 0,
  }),
  changed('leases by the clocks of nodes', [], { clock: 'node' }),
  changed('asks for room while held: a second lost', [restartsOld], { takesBackForMs: 0 }),
  changed('asks for room while held: failover', [failsOver(0)], { takesBackForMs: 0 }),
  changed(
    'takes back whatever it held',
    [nodesPause, restartsEmpty, restartsOld, failsOver(0), flushes],
    { takesBackForMs: Infinity },
  ),
]

function changed(
  name: string,
  troubles: readonly Trouble[],
  protocol: NonNullable<Conditions['protocol']>,
): Scenario {
  return { name, conditions: { troubles, protocol }, mayBeOverMs: Infinity, mustBeFreeMs: Infinity }
}
