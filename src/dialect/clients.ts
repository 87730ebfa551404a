import { findBearer } from '../base/bearer.ts'
import type { ApiClientEntry } from '../config/clients.ts'
import type { ApiName } from '../config/apis-schema.ts'
import type { Grant } from '../link/grant.ts'
import type { Constraints } from '../link/constraints.ts'
import { digestText, shortDigest } from '../base/bytes.ts'
import type { EpochSeconds } from '../base/clock.ts'

/** A right that a client has by its own token is as old as the call, and ends with its second. */
const CALL_SECONDS = 1

/** The clients of the published APIs. Immutable: a reload makes new ones. */
export class ApiClients {
  readonly #clients: readonly ApiClientEntry[]

  constructor(clients: readonly ApiClientEntry[]) {
    this.#clients = clients
  }

  /** The client whose Bearer token the field holds. */
  byToken(authorization: string | undefined): ApiClientEntry | undefined {
    return findBearer(authorization, this.#clients, ({ tokenSha256 }) => tokenSha256)
  }

  byId(id: string): ApiClientEntry | undefined {
    return this.#clients.find((client) => client.id === id)
  }
}

/** Whether one of the client's scopes stands for the API. */
export function mayUse({ scopes }: ApiClientEntry, ...names: readonly string[]): boolean {
  return scopes.includes('*') || names.some((name) => scopes.includes(name))
}

/** What a caller may download by the call itself: one object, now. `holder` is a client's id. */
export function grantForCall(options: {
  readonly api: ApiName
  readonly holder: string
  /** The path of the object below the catalogue's route, with it. */
  readonly path: string
  readonly now: EpochSeconds
  readonly constraints: Constraints
}): Grant {
  const { api, holder, path, now, constraints } = options
  const text = `${api}\n${holder}\n${path}`
  return {
    scheme: api,
    key: { kid: holder, alg: 'bearer', notBefore: undefined, retireAt: undefined },
    linkId: shortDigest(text),
    countKey: digestText(text),
    resource: { kind: 'exact', path },
    validUntil: now + CALL_SECONDS,
    constraints: { ...constraints, iat: now },
  }
}
