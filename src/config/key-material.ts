import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { decodeBase64Url } from '../base/bytes.ts'
import type { EpochSeconds } from '../base/clock.ts'
import { ALGORITHMS, type Jwk, type KeyAlgorithm } from './key-schema.ts'
import type { Finding } from './problem.ts'
import { algorithmsOf, OWN_SCHEME_NAMES } from './scheme-names.ts'

/** A key of `keys/`, ready for `node:crypto`. Works for its `alg` and `schemes` alone. */
export interface KeyMaterial {
  readonly kid: string
  readonly alg: KeyAlgorithm
  readonly schemes: readonly string[]
  readonly use?: string
  readonly issuer?: string
  readonly notBefore?: EpochSeconds
  readonly retireAt?: EpochSeconds
  /** Of an oct key: signs and verifies. */
  readonly secret?: KeyObject
  /** Signs; absent for oct keys and where only the public half is here. */
  readonly privateKey?: KeyObject
  readonly publicKey?: KeyObject
  /** For `/.well-known/jwks.json`: no private member. Absent for oct keys. */
  readonly publicJwk?: JsonWebKey
  readonly file: string
}

type Halves = Pick<KeyMaterial, 'secret' | 'privateKey' | 'publicKey' | 'publicJwk'>
type Made = { readonly halves: Halves } | { readonly findings: readonly Finding[] }

const MIN_SECRET_BYTES = 32
const MIN_RSA_BITS = 2048

/** The key that a JWK describes, or all that is wrong with it; messages name the kid, never the value. */
export function keyMaterial(jwk: Jwk, file: string): KeyMaterial | readonly Finding[] {
  const findings = [...schemeFindings(jwk)]
  if (jwk.notBefore !== undefined && jwk.retireAt !== undefined && jwk.retireAt <= jwk.notBefore) {
    findings.push({ path: ['retireAt'], message: `retires before it may be used (kid ${jwk.kid})` })
  }
  const { kty } = ALGORITHMS[jwk.alg]
  if (kty !== jwk.kty) {
    findings.push({
      path: ['alg'],
      message: `${jwk.alg} needs a key of kty ${kty}, this one is ${jwk.kty} (kid ${jwk.kid})`,
    })
    return findings
  }
  const made = kty === 'oct' ? secretOf(jwk) : keyPairOf(jwk)
  if ('findings' in made) return [...findings, ...made.findings]
  if (findings.length > 0) return findings
  const { kid, alg, schemes, use, issuer, notBefore, retireAt } = jwk
  return {
    kid,
    alg,
    schemes,
    ...(use !== undefined && { use }),
    ...(issuer !== undefined && { issuer }),
    ...(notBefore !== undefined && { notBefore }),
    ...(retireAt !== undefined && { retireAt }),
    ...made.halves,
    file,
  }
}

/** Each scheme has the algorithms that it can use; tags have their own. */
function* schemeFindings(jwk: Jwk): Generator<Finding> {
  for (const [i, scheme] of jwk.schemes.entries()) {
    const path = ['schemes', i]
    const algorithms = algorithmsOf(scheme)
    if (jwk.schemes.indexOf(scheme) !== i) {
      yield { path, message: `names ${scheme} twice (kid ${jwk.kid})` }
    } else if (scheme === 'sluice-jwt' && jwk.kty === 'OKP') {
      const curve = typeof jwk['crv'] === 'string' ? jwk['crv'] : 'OKP keys'
      yield { path, message: `the library of sluice-jwt cannot use ${curve} (kid ${jwk.kid})` }
    } else if (!algorithms.includes(jwk.alg)) {
      const usable = algorithms.join(', ')
      yield { path, message: `${scheme} needs a key with alg ${usable} (kid ${jwk.kid})` }
    }
  }
}

function secretOf(jwk: Jwk): Made {
  const k = jwk['k']
  const bytes = typeof k === 'string' ? decodeBase64Url(k) : undefined
  if (!bytes) return wrong('k', `is not strict base64url (kid ${jwk.kid})`)
  // the secrets of foreign formats are as long as their vendors make them
  const isOurs = jwk.schemes.some((scheme) => OWN_SCHEME_NAMES.includes(scheme))
  const least = isOurs ? MIN_SECRET_BYTES : 1
  if (bytes.length < least) {
    return wrong(
      'k',
      `a secret needs at least ${least} bytes, this one has ${bytes.length} (kid ${jwk.kid})`,
    )
  }
  return { halves: { secret: createSecretKey(bytes) } }
}

function keyPairOf(jwk: Jwk): Made {
  const algorithm = ALGORITHMS[jwk.alg]
  const { kid } = jwk
  if ('curve' in algorithm && jwk['crv'] !== algorithm.curve) {
    return wrong('crv', `${jwk.alg} needs the curve ${algorithm.curve} (kid ${kid})`)
  }
  let publicKey: KeyObject
  let privateKey: KeyObject | undefined
  try {
    publicKey = createPublicKey({ key: publicMembers(jwk), format: 'jwk' })
    if (jwk['d'] !== undefined) privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
  } catch {
    // the library's message may quote the key
    return {
      findings: [
        { path: [], message: `its members do not make a key of kty ${jwk.kty} (kid ${kid})` },
      ],
    }
  }
  const { modulusLength, publicExponent } = publicKey.asymmetricKeyDetails ?? {}
  if (modulusLength !== undefined && modulusLength < MIN_RSA_BITS) {
    return wrong(
      'n',
      `an RSA key needs at least ${MIN_RSA_BITS} bits, this one has ${modulusLength} (kid ${kid})`,
    )
  }
  if (publicExponent !== undefined && publicExponent < 3n)
    return wrong('e', `is no RSA exponent (kid ${kid})`)
  if (privateKey && !isPair(privateKey, publicKey)) {
    return {
      findings: [
        { path: [], message: `its private and public half do not belong together (kid ${kid})` },
      ],
    }
  }
  const publicJwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: jwk.alg, use: 'sig' }
  return { halves: { publicKey, publicJwk, ...(privateKey && { privateKey }) } }
}

/** The members that RFC 7518 section 6 calls public. */
function publicMembers(jwk: Jwk): JsonWebKey {
  const { kty, n, e, crv, x, y } = jwk as JsonWebKey
  return Object.fromEntries(
    Object.entries({ kty, n, e, crv, x, y }).filter(([, value]) => value !== undefined),
  )
}

function isPair(privateKey: KeyObject, publicKey: KeyObject): boolean {
  const probe = Buffer.from('sluice key check')
  try {
    const digest = publicKey.asymmetricKeyType === 'ed25519' ? null : 'sha256'
    return verify(digest, probe, publicKey, sign(digest, probe, privateKey))
  } catch {
    return false
  }
}

function wrong(member: string, message: string): Made {
  return { findings: [{ path: [member], message }] }
}
