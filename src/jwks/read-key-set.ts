import { z } from 'zod'
import { parseStrictJson } from '../base/strict-json.ts'
import { keyMaterial } from '../config/key-material.ts'
import { ALGORITHM_NAMES, ALGORITHMS, type KeyAlgorithm } from '../config/key-schema.ts'
import { keyOf } from '../config/key-of.ts'
import type { Key } from '../link/key-ring.ts'
import { schemeDefinition } from '../link/schemes/registry.ts'

const MAX_KEYS = 1000

const keySet = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).max(MAX_KEYS) })

type PublishedKey = z.output<typeof keySet>['keys'][number]

/** The keys of a JWK Set that can be used, and why others cannot. */
export interface ReadKeySet {
  readonly keys: readonly Key[]
  readonly leftOut: readonly string[]
}

/**
 * Reads a JWK Set that somebody publishes (RFC 7517 section 5: a key that cannot be used is passed over).
 * Its keys verify, for those of the schemes that can use their algorithm. Undefined when it is no JWK Set.
 */
export function readKeySet(
  text: string,
  schemes: readonly string[],
  source: string,
): ReadKeySet | undefined {
  const parsed = keySet.safeParse(parseStrictJson(text))
  if (!parsed.success) return undefined
  const keys = new Map<string, Key>()
  const leftOut: string[] = []
  for (const published of parsed.data.keys) {
    const { kid, use } = published
    // keys for encryption are not for us: nothing is wrong with them
    if (use === 'enc') continue
    if (typeof kid !== 'string' || !/^[\x21-\x7e]{1,256}$/.test(kid)) {
      leftOut.push('a key has no usable kid')
    } else if (keys.has(kid)) {
      leftOut.push(`the kid ${kid} comes twice`)
    } else {
      const key = readKey(published, kid, schemes, source)
      if (typeof key === 'string') leftOut.push(key)
      else keys.set(kid, key)
    }
  }
  return { keys: [...keys.values()], leftOut }
}

function readKey(
  published: PublishedKey,
  kid: string,
  schemes: readonly string[],
  source: string,
): Key | string {
  const { kty } = published
  if (kty === 'oct') return `a secret is no secret where others can read it (kid ${kid})`
  if (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP') return `no key is of this kty (kid ${kid})`
  const alg = algorithmOf(published)
  if (!alg) return `no scheme knows its alg or curve (kid ${kid})`
  const fitting = schemes.filter((name) => schemeDefinition(name)?.algorithms.includes(alg))
  if (fitting.length === 0) return `${schemes.join(', ')} cannot use ${alg} (kid ${kid})`
  // a private half that somebody published by mistake stays unused
  const { n, e, crv, x, y } = published
  const material = keyMaterial({ kty, kid, alg, schemes: fitting, n, e, crv, x, y }, source)
  return 'alg' in material ? keyOf(material) : (material[0]?.message ?? `no key (kid ${kid})`)
}

const BY_CURVE: Readonly<Record<string, KeyAlgorithm>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'EdDSA',
}

/** What a key says of itself, or what a key of its kind is for when it says nothing. */
function algorithmOf({ kty, alg, crv }: PublishedKey): KeyAlgorithm | undefined {
  if (alg !== undefined) {
    const named = ALGORITHM_NAMES.find((name) => name === alg)
    return named && ALGORITHMS[named].kty === kty ? named : undefined
  }
  if (kty === 'RSA') return 'RS256'
  return typeof crv === 'string' && Object.hasOwn(BY_CURVE, crv) ? BY_CURVE[crv] : undefined
}
