import type { Refusal } from '../../src/base/refusal.ts'
import { policySchema } from '../../src/config/policy-schema.ts'
import { takeLease } from '../../src/http/admission.ts'
import { StoredHistory } from '../../src/http/history.ts'
import { admitUse } from '../../src/http/sharing.ts'
import { EmbeddedLeaseStore } from '../../src/lease/embedded-lease-store.ts'
import { compilePolicy } from '../../src/policy/compile-policy.ts'
import { decide } from '../../src/policy/decide.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { canonicalisePath } from '../../src/request/canonical-path.ts'
import type { RequestContext } from '../../src/request/request-context.ts'
import { cutTarget } from '../../src/request/request-target.ts'
import { openMemoryDatabase } from '../../src/state/database.ts'
import { DownloadLedger } from '../../src/state/download-ledger.ts'
import { RevocationList } from '../../src/state/revocations.ts'
import { SharingLedger } from '../../src/state/sharing-ledger.ts'
import { type Internet, isListed, type Knowledge } from './internet.ts'
import type { Attempt } from './timeline.ts'

const PATH = '/files/object'
const SITE = { scheme: 'https', host: 'downloads.example' } as const
const LISTS = ['tor', 'relay'] as const

/** What a gateway is set to and knows. */
export interface Setting extends Knowledge {
  readonly name: string
  /** The section `antiFraud` of its policy; everything else is the default. */
  readonly antiFraud: Readonly<Record<string, unknown>>
}

/** An answer of the gate: a refusal, or what to call when the transfer ends. */
export type Answer = { readonly refusal: Refusal } | { readonly leave: () => void }

/** The rules of a gateway over its own state, without its sockets: each request is judged as in a replay. */
export class Gate {
  readonly #internet: Internet
  readonly #setting: Setting
  readonly #policy: Policy
  readonly #leases = new EmbeddedLeaseStore()
  readonly #sharing: SharingLedger
  readonly #revocations: RevocationList
  readonly #history: StoredHistory
  readonly #request: Pick<RequestContext, 'id' | 'method' | 'target' | 'path' | 'site'>

  constructor(internet: Internet, setting: Setting) {
    this.#internet = internet
    this.#setting = setting
    const config = policySchema.parse({ antiFraud: { default: true, ...setting.antiFraud } })
    this.#policy = compilePolicy('default', config, {
      list: (name) => ({
        has(address) {
          const pool = internet.poolOf(address)
          return pool !== undefined && isListed(pool) && pool.anonymizer === name
        },
      }),
      listsOf: (anonymizer) => LISTS.filter((name) => name === anonymizer),
      factsOf: (address) => internet.facts(address, setting),
    })
    const database = openMemoryDatabase()
    this.#sharing = new SharingLedger(database)
    this.#revocations = new RevocationList(database)
    this.#history = new StoredHistory(
      this.#revocations,
      new DownloadLedger(database),
      this.#sharing,
    )
    const target = cutTarget(PATH)
    const path = canonicalisePath(PATH)
    if (!target || !path.ok) throw new Error(`${PATH} is no path`)
    this.#request = { id: 'simulated', method: 'GET', target, path: path.path, site: SITE }
  }

  /** Judges one connection of a download, in the order in which the gateway does. */
  async ask({ grant, client, headers }: Attempt, now: number): Promise<Answer> {
    const network = this.#internet.facts(client, this.#setting)
    const context = { ...this.#request, now, client, headers, network }
    const { refusal } = decide(grant, context, this.#policy, this.#history)
    if (refusal) return { refusal }
    const held: (() => void)[] = []
    const exchange = {
      observed: undefined,
      holdUntilClosed: (release: () => void) => held.push(release),
    }
    const full = await takeLease(exchange, this.#leases, grant, context, this.#policy)
    if (full) return { refusal: full }
    const services = {
      sharing: this.#sharing,
      history: this.#history,
      revocations: this.#revocations,
    }
    const admission = admitUse(services, context, grant, this.#policy)
    if (admission.outcome === 'counted') held.push(admission.leave)
    const leave = (): void => {
      for (const release of held) release()
    }
    if (admission.outcome === 'counted') return { leave }
    leave()
    return { refusal: admission.refusal }
  }

  prune(now: number): void {
    this.#sharing.prune(now)
  }
}
