import { createPrivateKey, createPublicKey, createSecretKey, type JsonWebKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Address, parseAddress } from '../../src/base/address.ts'
import { type NetworkFacts, NOTHING_KNOWN } from '../../src/base/network-facts.ts'
import type { AddressSet } from '../../src/base/network-set.ts'
import { policySchema } from '../../src/config/policy-schema.ts'
import { compilePolicy } from '../../src/policy/compile-policy.ts'
import type { Constraints } from '../../src/link/constraints.ts'
import type { Grant } from '../../src/link/grant.ts'
import { SluiceJwt } from '../../src/link/schemes/sluice-jwt.ts'
import type { Scheme } from '../../src/link/scheme.ts'
import type { Key } from '../../src/link/key-ring.ts'
import type { Policy } from '../../src/policy/policy.ts'
import type { LinkHistory } from '../../src/policy/rule.ts'
import { NO_SIGHTINGS } from '../../src/base/sightings.ts'
import { canonicalisePath } from '../../src/request/canonical-path.ts'
import type { RequestContext } from '../../src/request/request-context.ts'
import { readHeaders } from '../../src/request/request-headers.ts'
import { cutTarget } from '../../src/request/request-target.ts'

/** What clients call. */
export const SITE = { scheme: 'https', host: 'cdn.example' } as const

/** The second in which the fake clock stands. */
export const NOW = 1_800_000_000

export function address(text: string): Address {
  const parsed = parseAddress(text)
  if (!parsed) throw new Error(`${text} is no address`)
  return parsed
}

export interface ContextParts {
  readonly now?: number
  readonly method?: string
  readonly client?: string | undefined
  readonly country?: string | undefined
  readonly network?: Partial<NetworkFacts>
  readonly headers?: Readonly<Record<string, string>>
  /** Whose tokens are cut out of the path; default: sluice-jwt. */
  readonly scheme?: Scheme
}

/** The context of a request; a path token is taken off as a route with sluice-jwt does. */
export function contextOf(url: string, parts: ContextParts = {}): RequestContext {
  const scheme: Scheme = parts.scheme ?? new SluiceJwt({})
  const target = cutTarget(url)
  if (!target) throw new Error(`${url} is no request target`)
  const result = canonicalisePath(scheme.cutPath?.(target.rawPath) ?? target.rawPath)
  if (!result.ok) throw new Error(result.why)
  const client = 'client' in parts ? parts.client : '192.0.2.1'
  return {
    id: 'test',
    now: parts.now ?? NOW,
    method: parts.method ?? 'GET',
    target,
    path: result.path,
    headers: readHeaders(Object.entries(parts.headers ?? {}).flat()),
    site: SITE,
    client: client === undefined ? undefined : address(client),
    network: { ...NOTHING_KNOWN, country: parts.country, ...parts.network },
  }
}

export function secretKey(kid: string, fill: number, more: Partial<Key> = {}): Key {
  const secret = createSecretKey(Buffer.alloc(32, fill))
  return {
    kid,
    alg: 'HS256',
    schemes: new Set(['sluice-hmac', 'sluice-jwt']),
    notBefore: undefined,
    retireAt: undefined,
    verifyKey: secret,
    signKey: secret,
    ...more,
  }
}

/** A key pair of `test/vectors/keys.json`. */
export function pairKey(name: 'rsa' | 'ec', kid: string, alg: string): Key {
  const file = new URL('../vectors/keys.json', import.meta.url)
  const jwk = (JSON.parse(readFileSync(file, 'utf8')) as Record<string, JsonWebKey>)[name]
  if (!jwk) throw new Error(`no key ${name}`)
  const signKey = createPrivateKey({ key: jwk, format: 'jwk' })
  return secretKey(kid, 0, {
    alg,
    schemes: new Set(['sluice-jwt']),
    signKey,
    verifyKey: createPublicKey(signKey),
  })
}

export function grantOf(constraints: Constraints = {}, more: Partial<Grant> = {}): Grant {
  return {
    scheme: 'sluice-jwt',
    key: secretKey('k1', 1),
    linkId: 'link-1',
    countKey: 'k1/link-1',
    resource: { kind: 'exact', path: '/files/a.mp4' },
    validUntil: NOW + 3600,
    constraints,
    ...more,
  }
}

/** A policy as its file compiles; `lists` by name, one called like an anonymizer is of that kind. */
export function policyOf(
  config: Readonly<Record<string, unknown>> = {},
  lists: Readonly<Record<string, AddressSet>> = {},
  facts: Readonly<Record<string, NetworkFacts>> = {},
): Policy {
  return compilePolicy('test', policySchema.parse(config), {
    list: (name) => lists[name],
    listsOf: (anonymizer) => (anonymizer in lists ? [anonymizer] : []),
    factsOf: (client) => facts[client.text] ?? NOTHING_KNOWN,
  })
}

export function historyOf(history: Partial<LinkHistory> = {}): LinkHistory {
  return {
    revocation: () => undefined,
    isResumable: () => false,
    firstAddress: undefined,
    sightings: () => NO_SIGHTINGS,
    ...history,
  }
}
