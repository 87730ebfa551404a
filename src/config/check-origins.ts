import { isIP } from 'node:net'
import type { SchemeDefinition } from '../link/definition.ts'
import { KeyRing } from '../link/key-ring.ts'
import { isRefusal } from '../link/link-fields.ts'
import { schemeDefinition } from '../link/schemes/registry.ts'
import type { Site } from '../request/request-context.ts'
import { keysAt, textAt, valueAt } from './draft.ts'
import { keyOf } from './key-of.ts'
import type { KeyMaterial } from './key-material.ts'
import type { Finding } from './problem.ts'
import { didYouMean } from './suggestion.ts'

/** What the members of an origin say together. */
export function* checkOrigins(data: unknown, keys: readonly KeyMaterial[]): Generator<Finding> {
  for (const name of keysAt(data, ['origins'])) {
    const at = ['origins', name]
    const type = textAt(data, [...at, 'type'])
    if (type === 's3') yield* checkS3(data, at)
    if (type === 'http') yield* checkPresign(data, [...at, 'presign'], keys)
  }
}

function* checkS3(data: unknown, at: readonly string[]): Generator<Finding> {
  const present = keysAt(data, at)
  const pair = ['accessKeyId', 'secretAccessKey']
  for (const [member, other] of [pair, pair.toReversed()] as [string, string][]) {
    if (present.includes(member) && !present.includes(other)) {
      yield { path: [...at, member], message: `needs ${other} as well` }
    }
  }
  if (present.includes('sessionToken') && !present.includes('accessKeyId')) {
    yield { path: [...at, 'sessionToken'], message: 'needs accessKeyId and secretAccessKey' }
  }
  const bucket = textAt(data, [...at, 'bucket']) ?? ''
  const endpoint = URL.parse(textAt(data, [...at, 'endpoint']) ?? 'https://s3.example')
  if (valueAt(data, [...at, 'forcePathStyle']) !== false || !endpoint) return
  if (isIP(endpoint.hostname.replace(/^\[|\]$/g, '')) !== 0) {
    const message = 'the bucket cannot stand in front of an address'
    yield { path: [...at, 'forcePathStyle'], message }
  } else if (!/^[a-z0-9][a-z0-9.-]*$/.test(bucket)) {
    yield { path: [...at, 'forcePathStyle'], message: 'the bucket is no name of a host' }
  }
}

function* checkPresign(
  data: unknown,
  at: readonly string[],
  keys: readonly KeyMaterial[],
): Generator<Finding> {
  const scheme = valueAt(data, [...at, 'scheme'])
  const { name, ...given } =
    typeof scheme === 'string' ? { name: scheme } : (Object(scheme) as { name?: unknown })
  const definition = schemeDefinition(String(name))
  const kid = textAt(data, [...at, 'key'])
  // what the schema says of itself is not said twice
  if (!definition || kid === undefined) return
  const key = keys.find((candidate) => candidate.kid === kid)
  if (!key) {
    const kids = keys.map((candidate) => candidate.kid)
    yield { path: [...at, 'key'], message: `there is no key ${kid}${didYouMean(kid, kids)}` }
  } else if (!key.schemes.includes(definition.name)) {
    yield { path: [...at, 'key'], message: `the key ${kid} is not for ${definition.name}` }
  } else {
    const wrong = whyNotSigned(definition, given, key)
    if (wrong !== undefined) yield { path: [...at, 'scheme'], message: wrong }
  }
}

const SAMPLE_SITE: Site = { scheme: 'https', host: 'account.origin.example' }

/** Signs a link, to see whether such links can be followed. */
function whyNotSigned(
  definition: SchemeDefinition,
  given: object,
  material: KeyMaterial,
): string | undefined {
  const options = definition.options.safeParse(given)
  if (!options.success) return undefined
  const scheme = definition.create(options.data, { isIgnored: () => false, routePath: '/' })
  const key = keyOf(material)
  if (!key.signKey || scheme.signsWith?.(key) === false) return `the key ${key.kid} signs no links`
  const now = Math.floor(Date.now() / 1000)
  const link = scheme.sign(
    { path: '/a/b', expiresAt: now + 3600, constraints: { iat: now }, site: SAMPLE_SITE },
    key,
    new KeyRing([key]),
  )
  if (isRefusal(link)) return `no link can be signed: ${link.detail}`
  return link.cookies || link.headers
    ? `a redirect carries no cookie or header, as links of ${scheme.name} need`
    : undefined
}
