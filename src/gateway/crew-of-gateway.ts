import { fileURLToPath } from 'node:url'
import type { ConfigSources } from '../config/load.ts'
import type { RecordSink } from '../record/access-record.ts'
import { EmbeddedLinkState } from '../state/embedded-link-state.ts'
import type { LinkState } from '../state/link-state.ts'
import { LocalLiveView, type LiveView, type NodeInfo } from '../state/live-view.ts'
import type { Revocation } from '../state/revocation-index.ts'
import { Allowances } from '../workers/allowances.ts'
import type { PrimaryCalls, StateCalls } from '../workers/calls.ts'
import { Coverages } from '../workers/coverages.ts'
import { Crew, type Member, type MemberService } from '../workers/crew.ts'
import { CrewLiveView } from '../workers/crew-live-view.ts'
import { DividedFlows } from '../workers/divided-flows.ts'
import type { StateFollower } from '../workers/followed-stores.ts'
import { HeldForWorker } from '../workers/held-for-worker.ts'
import type { FollowedState, GatewayState } from './gateway-state.ts'

/** The program of a worker stands beside this module, in the sources and in what is built of them. */
const PROGRAM = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? './worker-main.ts' : './worker-main.js',
    import.meta.url,
  ),
)

export interface CrewParts {
  readonly count: number
  readonly sources: ConfigSources
  readonly node: Omit<NodeInfo, 'downloads'>
  /** Where calls of the published APIs are handed over. */
  readonly reception: string
  readonly links: LinkState
  /** Undefined where the workers are nodes of a shared state themselves. */
  readonly followed: FollowedState | undefined
  readonly records: RecordSink
  readonly digest: () => string
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void
}

/** The workers of a gateway, and what is counted for them. */
export function buildCrew(parts: CrewParts): Crew {
  const { count, sources, node, reception, links, followed, records, digest, log } = parts
  const coverages = new Coverages()
  const countFor = links instanceof EmbeddedLinkState ? countedFor(links, coverages) : undefined
  return new Crew({
    count,
    program: PROGRAM,
    log,
    start: (slot) => ({
      sources: { file: sources.file, env: sources.env ?? {}, set: sources.set ?? [] },
      digest: digest(),
      slot,
      workers: count,
      node,
      revocations: followed?.revocations() ?? [],
      entries: followed?.entries() ?? [],
      reception,
    }),
    serve: (member) => {
      const counted = countFor?.(member)
      const calls: Omit<PrimaryCalls, 'figures'> = {
        ...(counted?.calls ?? NOT_HERE),
        revoke: (revocation: Revocation) => (followed ? followed.revoke(revocation) : notHere()),
        records: (batch) => {
          for (const { record, download } of batch) {
            const whole = download === undefined ? undefined : coverages.get(download)
            records.write(
              whole === undefined || record.coverage === null
                ? record
                : { ...record, coverage: Math.round(whole * 10_000) / 10_000 },
            )
          }
        },
        log: ({ level, message }) => {
          log(level, message)
        },
      }
      return { calls, release: () => counted?.release() }
    },
  })
}

type Counted = Omit<StateCalls, 'revoke'>

/** Counts for each worker in the state of this process. */
function countedFor(state: EmbeddedLinkState, coverages: Coverages) {
  const allowances = new Allowances()
  const flows = new DividedFlows()
  return (member: Member): Omit<MemberService, 'calls'> & { readonly calls: Counted } => {
    const held = new HeldForWorker({ state, allowances, coverages })
    const flowMember = {
      share: (share: { readonly key: string; readonly share: number }) =>
        member.channel.ask('share', share),
    }
    return {
      calls: {
        ...held.calls,
        holdRate: ({ key, bytesPerSecond, holders }) => {
          flows.hold(flowMember, key, bytesPerSecond, holders)
        },
      },
      release: () => {
        held.release()
        flows.remove(flowMember)
      },
    }
  }
}

/** Tells the workers each change of the state. */
export function followerOf(crew: () => Crew | undefined): StateFollower {
  return {
    async revoked(revocation) {
      await crew()?.everywhere('revoked', revocation)
    },
    async unrevoked(id) {
      await crew()?.everywhere('unrevoked', id)
    },
    async listed(entry) {
      await crew()?.everywhere('listed', entry)
    },
    async unlisted(entry) {
      await crew()?.everywhere('unlisted', entry)
    },
  }
}

/** The downloads of all workers, as operators see them. */
export function viewOfCrew({ view }: GatewayState, crew: Crew): LiveView {
  if (view instanceof LocalLiveView) return new CrewLiveView(view, crew)
  // the workers are nodes that answer for themselves
  return {
    get count() {
      return view.count + crew.count
    },
    list: () => view.list(),
    find: (id) => view.find(id),
    end: (id, detail) => view.end(id, detail),
    endRevoked: (revocation) => view.endRevoked(revocation),
    nodes: () => view.nodes(),
  }
}

export function linksOfCrew(links: LinkState, crew: Crew): Pick<LinkState, 'held' | 'open'> {
  return {
    get held() {
      return links.held + crew.heldThere
    },
    open: (question) => links.open(question),
  }
}

function notHere(): never {
  throw new Error('the shared state counts, not the primary')
}

const NOT_HERE: Counted = {
  open: notHere,
  release: notHere,
  begin: notHere,
  track: notHere,
  count: notHere,
  leave: notHere,
  holdRate: notHere,
}
