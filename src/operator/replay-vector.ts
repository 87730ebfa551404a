import { createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { parseAddress } from '../base/address.ts'
import { REASONS, type Refusal } from '../base/refusal.ts'
import { policySchema } from '../config/policy-schema.ts'
import { compilePolicy } from '../policy/compile-policy.ts'
import { RouteTable } from '../http/route.ts'
import { type Key, KeyRing } from '../link/key-ring.ts'
import type { Scheme } from '../link/scheme.ts'
import { CLOUDFLARE_STREAM, CloudflareStream } from '../link/schemes/cloudflare-stream.ts'
import { SluiceHmac } from '../link/schemes/sluice-hmac.ts'
import { SluiceJwt } from '../link/schemes/sluice-jwt.ts'
import { LinkVerifier } from '../link/verify-link.ts'
import { NetworkSet } from '../base/network-set.ts'
import type { Origin } from '../origin/origin.ts'
import { decide } from '../policy/decide.ts'
import type { LinkHistory } from '../policy/rule.ts'
import { requestOf } from './request-of.ts'

/** One test vector of a link format. */
export interface Vector {
  readonly name: string
  readonly format: string
  readonly keys: readonly VectorKey[]
  readonly config?: Readonly<Record<string, unknown>>
  readonly method: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly cookies?: Readonly<Record<string, string>>
  readonly clientIp?: string
  /** Of the client; absent is unknown. */
  readonly country?: string
  /** Epoch seconds. */
  readonly now: number
  readonly expect: 'allow' | 'deny'
  /** The public code of a refusal, where the vector is that exact. */
  readonly code?: string
}

type VectorKey = { readonly id: string; readonly alg?: string } & (
  | { readonly type: 'secret'; readonly encoding?: BufferEncoding; readonly value: string }
  | { readonly type: 'jwk'; readonly value: JsonWebKey }
  | { readonly type: 'rsa'; readonly publicKeyPem: string }
)

/** Vectors assume no leeway in either direction. */
const POLICY = compilePolicy(
  'vectors',
  policySchema.parse({ leeway: { notBeforeSeconds: 0 }, resume: { graceSeconds: 0 } }),
  () => new NetworkSet([]),
)

/** No vector gets as far as an object. */
const NOWHERE: Origin = {
  kind: 'none',
  open: () => Promise.resolve({ state: 'missing' }),
  close: () => undefined,
}

const NO_HISTORY: LinkHistory = {
  revocation: () => undefined,
  isResumable: () => false,
  firstAddress: () => undefined,
  networksSince: () => [],
}

/** Why a vector fails, or undefined when the gateway decides as it says. */
export function replayVector(vector: Vector): string | undefined {
  const scheme = schemeOf(vector)
  if (!scheme) return 'this format is not built yet'
  const keys = new KeyRing(vector.keys.map((key) => keyOf(key, vector.format)))
  const refusal = decideVector(vector, new LinkVerifier([scheme], keys))
  const outcome = refusal ? 'deny' : 'allow'
  if (outcome !== vector.expect) {
    return `expected ${vector.expect}, got ${outcome}${refusal ? ` (${refusal.reason}: ${refusal.detail})` : ''}`
  }
  const code = refusal && REASONS[refusal.reason].code
  if (vector.code !== undefined && code !== vector.code)
    return `expected ${vector.code}, got ${code}`
  return undefined
}

function decideVector(vector: Vector, verifier: LinkVerifier): Refusal | undefined {
  const route = { path: '/', originName: 'none', origin: NOWHERE, verifier, policy: POLICY }
  const cookies = Object.entries(vector.cookies ?? {}).map(([name, value]) => `${name}=${value}`)
  const supposed = requestOf(
    {
      url: vector.url,
      now: vector.now,
      method: vector.method,
      client: vector.clientIp === undefined ? undefined : parseAddress(vector.clientIp),
      country: vector.country,
      headers: { ...vector.headers, ...(cookies.length > 0 && { cookie: cookies.join('; ') }) },
    },
    new RouteTable([route]),
  )
  if ('why' in supposed) return { reason: 'path_invalid', detail: supposed.why }
  const verified = verifier.verify(supposed.context)
  if (verified.outcome === 'absent') return { reason: 'link_missing', detail: 'no link' }
  if (verified.outcome === 'refused') return verified.refusal
  return decide(verified.grant, supposed.context, POLICY, NO_HISTORY).refusal
}

function schemeOf({ format, config = {} }: Vector): Scheme | undefined {
  switch (format) {
    case 'sluice-hmac':
      return new SluiceHmac({ isIgnored: POLICY.isIgnoredParameter })
    case 'sluice-jwt':
      return new SluiceJwt({
        issuer: config['issuer'] as string | undefined,
        audience: config['audience'] as string | undefined,
      })
    case CLOUDFLARE_STREAM:
      return new CloudflareStream(config)
    default:
      return undefined
  }
}

function keyOf(key: VectorKey, format: string): Key {
  const object = keyObject(key)
  return {
    kid: key.id,
    alg: key.alg ?? (key.type === 'rsa' ? 'RS256' : 'HS256'),
    schemes: new Set([format]),
    notBefore: undefined,
    retireAt: undefined,
    verifyKey: object,
    signKey: undefined,
  }
}

function keyObject(key: VectorKey): KeyObject {
  switch (key.type) {
    case 'secret':
      return createSecretKey(Buffer.from(key.value, key.encoding ?? 'utf8'))
    case 'jwk':
      return createPublicKey({ key: key.value, format: 'jwk' })
    case 'rsa':
      return createPublicKey(key.publicKeyPem)
    default:
      // a vector comes from a file: a denied row must not pass by a key that is none
      throw new Error(`no key has the type ${(key satisfies never as VectorKey).type}`)
  }
}
