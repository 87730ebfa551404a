import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, onTestFinished } from 'vitest'
import { Random } from '../../bench/fraud/random.ts'
import { ValkeyConnection } from '../../src/valkey/connection.ts'
import { HOLD_MS } from '../../src/valkey/hello.ts'
import { linkStateContract } from '../contract/link-state-contract.ts'
import { eventually } from '../support/eventually.ts'
import { needs } from '../support/programs.ts'
import { type ClusterSetup, startCluster } from '../support/redis-cluster.ts'
import { startSentinel } from '../support/redis-sentinel.ts'
import { TEST_HOLD_MS, valkeyForTest } from '../support/valkey.ts'
import { countingOn, linkStateOn } from '../support/valkey-link-state.ts'
import { RandomFleet } from './random-fleet.ts'

const STEPS = 2000
const AT_ONCE = 50

const withRedis = needs('redis-server', 'redis-cli')
const seed = Number(process.env['SLUICE_SEED'] ?? randomInt(2 ** 31))

let cluster: Promise<ClusterSetup> | undefined
let shared: ValkeyConnection | undefined

afterAll(async () => {
  shared?.close()
  await (await cluster)?.stop()
})

linkStateContract(
  'ValkeyLinkState on a Cluster',
  async () => {
    cluster ??= startCluster()
    const { url } = await cluster
    shared ??= new ValkeyConnection({ url, prefix: 'sluice:', holdMs: TEST_HOLD_MS })
    expect(await shared.ready(10_000)).toBe(true)
    await countingOn(shared)
    const state = linkStateOn(shared)
    return { state, dispose: () => state.close() }
  },
  withRedis,
)

withRedis(
  `four nodes are never over a limit when a replica takes over in the middle of ${STEPS} random steps (seed ${seed})`,
  async () => {
    const setup = await startSentinel()
    onTestFinished(() => setup.stop())
    const fleet = new RandomFleet(new Random(seed), 60, async () => {
      const connection = valkeyForTest(setup.url, { holdMs: HOLD_MS })
      expect(await connection.ready(10_000)).toBe(true)
      return connection
    })
    for (let node = 0; node < 4; node++) await fleet.join()
    const [first] = fleet.nodes
    if (!first) throw new Error('there are no nodes')
    const { connection } = first
    await eventually(
      'counting',
      async () => (await connection.command('EXISTS', connection.holdKey)) === 0,
      10_000,
    )
    let killed: Promise<void> | undefined
    const { epoch } = connection
    while (fleet.answered < STEPS) {
      const before = fleet.answered
      const steps = Array.from({ length: AT_ONCE }, () => fleet.step(40))
      if (before >= STEPS / 2) killed ??= setup.master.kill()
      await Promise.all([...steps, killed])
      expect(fleet.places.over).toEqual([])
      // nobody is answered until the replica took over, and is counted on
      if (fleet.answered === before) await delay(20)
    }
    expect(connection.epoch).not.toBe(epoch)
    expect(fleet.counts.unavailable).toBeGreaterThan(0)
    fleet.endAll()
    await eventually(
      'nothing held on the server',
      async () => ((await connection.command('KEYS', '*}:[ld]:*')) as string[]).length === 0,
      30_000,
    )
    for (const { state } of fleet.nodes) {
      expect(state.held).toBe(0)
      await state.close()
    }
  },
  120_000,
)
