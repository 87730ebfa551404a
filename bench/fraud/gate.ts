import type { Refusal } from '../../src/base/refusal.ts'
import { policySchema } from '../../src/config/policy-schema.ts'
import { systemClock } from '../../src/base/clock.ts'
import { placeRefusal, questionOf } from '../../src/http/admission.ts'
import { beginUse } from '../../src/http/begin-use.ts'
import { SessionHistory } from '../../src/http/history.ts'
import { compilePolicy } from '../../src/policy/compile-policy.ts'
import { decide } from '../../src/policy/decide.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { canonicalisePath } from '../../src/request/canonical-path.ts'
import type { RequestContext } from '../../src/request/request-context.ts'
import { cutTarget } from '../../src/request/request-target.ts'
import { openMemoryDatabase } from '../../src/state/database.ts'
import { EmbeddedLinkState } from '../../src/state/embedded-link-state.ts'
import { RevocationList } from '../../src/state/revocations.ts'
import { SqliteRevocations } from '../../src/state/sqlite-revocations.ts'
import { type Internet, isListed, type Knowledge } from './internet.ts'
import type { Attempt } from './timeline.ts'

const PATH = '/files/object'
const SITE = { scheme: 'https', host: 'downloads.example' } as const
const OBJECT = { etag: '', size: 0 }
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
  readonly #links: EmbeddedLinkState
  readonly #revocations: RevocationList
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
    this.#revocations = new RevocationList(new SqliteRevocations(database))
    this.#links = new EmbeddedLinkState(database, systemClock)
    const target = cutTarget(PATH)
    const path = canonicalisePath(PATH)
    if (!target || !path.ok) throw new Error(`${PATH} is no path`)
    this.#request = { id: 'simulated', method: 'GET', target, path: path.path, site: SITE }
  }

  /** Judges one connection of a download, in the order in which the gateway does. */
  async ask({ grant, client, headers }: Attempt, now: number): Promise<Answer> {
    const network = this.#internet.facts(client, this.#setting)
    const context = { ...this.#request, now, client, headers, network }
    const services = { links: this.#links, revocations: this.#revocations }
    const session = this.#links.open(questionOf(grant, context, this.#policy))
    const history = new SessionHistory(this.#revocations, session)
    const { refusal } = decide(grant, context, this.#policy, history)
    const no = refusal ?? placeRefusal(session)
    if (no) {
      session.release()
      return { refusal: no }
    }
    const begun = await beginUse(services, session, context, grant, this.#policy, OBJECT)
    if (begun.outcome === 'refused') {
      session.release()
      return { refusal: begun.refusal }
    }
    const leave = (): void => {
      begun.download.leave()
      session.release()
    }
    return { leave }
  }

  prune(now: number): void {
    this.#links.prune(now)
  }
}
