import { sign as signBytes, verify as verifyBytes } from 'node:crypto'
import { z } from 'zod'
import { decodeBase64 } from '../../base/bytes.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import type { ConstraintName } from '../constraints.ts'
import { bytesOf } from '../digest.ts'
import { identify } from '../grant.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal, parseExpiry } from '../link-fields.ts'
import {
  type Carrier,
  type Found,
  found,
  type LinkRequest,
  malformed,
  refused,
  type Verified,
} from '../scheme.ts'
import { cannedPolicy, customPolicy, PARAMETERS, readPolicy } from './cloudfront-policy.ts'

const MAX_COOKIE = 4096

/** The parts of a link, whether they came as parameters or as cookies. */
type Parts = { readonly [N in (typeof PARAMETERS)[number]]?: string }

export const EXPRESSIBLE: ReadonlySet<ConstraintName> = new Set(['nbf', 'ip'])

export const ALGORITHMS = ['RS256', 'ES256', 'RS1'] as const

export const options = z.strictObject({
  acceptSha1: z
    .boolean()
    .default(true)
    .describe(
      'Whether links without Hash-Algorithm=SHA256, which are signed with SHA-1, are taken.',
    ),
})

export type CloudFrontOptions = z.output<typeof options>

/**
 * The carrier of a link. `url` is what a canned policy speaks of; a custom one names its resources
 * itself and is verified once for all of them.
 */
export function carrierOf(place: Carrier['place'], parts: Parts, url: string): Found {
  for (const name of ['Signature', 'Key-Pair-Id'] as const) {
    if (parts[name] === undefined) return malformed(`the link has no ${name}`)
  }
  if ((parts.Policy === undefined) === (parts.Expires === undefined)) {
    return malformed('the link needs either a Policy or Expires')
  }
  for (const [name, value] of Object.entries(parts)) {
    if (value === '') return malformed(`the ${name} is empty`)
    if (place === 'cookie' && value.length > MAX_COOKIE) return malformed(`the ${name} is too long`)
  }
  const subject = parts.Policy === undefined ? url : ''
  const text = [...PARAMETERS.map((name) => parts[name] ?? ''), subject].join('\n')
  return found(place, text)
}

/** The exact text that is signed; undefined when the policy is no base64 of CloudFront's kind. */
export function signedText({ text }: Carrier): string | undefined {
  const { expires, policy, url } = readCarrier(text)
  return policy === '' ? cannedPolicy(url, expires) : decode(policy)?.toString('latin1')
}

/** Checks the signature of a carrier, then reads its policy. */
export function verifyLink(
  scheme: string,
  { acceptSha1 }: CloudFrontOptions,
  carrier: Carrier,
  keys: KeyRing,
  context: RequestContext,
): Verified {
  const { expires, policy, signature, kid, hash, url } = readCarrier(carrier.text)
  if (hash !== '' && hash !== 'SHA1' && hash !== 'SHA256') {
    return malformed('the Hash-Algorithm is neither SHA1 nor SHA256')
  }
  const isSha1 = hash !== 'SHA256'
  if (isSha1 && !acceptSha1) return malformed('SHA-1 is not accepted here')
  // a quote could end the URL inside of the canned policy and go on as another one
  if (/["\\]/.test(url)) return malformed('the URL holds a quote or backslash')
  const isCanned = policy === ''
  const signed = isCanned ? bytesOf(cannedPolicy(url, expires)) : decode(policy)
  const signatureBytes = decode(signature)
  if (!signed || !signatureBytes?.length) {
    return malformed("Policy or Signature is not in CloudFront's base64")
  }
  const key = keys.find(kid, scheme, context.now)
  if (!key || !isFit(key)) return refused('link_key_unknown', 'no such key pair')
  if (!verifyBytes(isSha1 ? 'sha1' : 'sha256', signed, key.verifyKey, signatureBytes)) {
    return refused('link_signature_wrong', 'the signature does not hold')
  }
  const identity = { scheme, key, ...identify(key, undefined, signed.toString('latin1')) }
  if (isCanned) {
    const validUntil = parseExpiry(expires, context.now)
    if (typeof validUntil !== 'number') return { outcome: 'refused', refusal: validUntil }
    const resource = { kind: 'exact', path: context.path } as const
    return { outcome: 'granted', grant: { ...identity, resource, validUntil, constraints: {} } }
  }
  const said = readPolicy(signed, context.now)
  if (isRefusal(said)) return { outcome: 'refused', refusal: said }
  return { outcome: 'granted', grant: { ...identity, ...said } }
}

/** The parts of a new link, under the names of the parameters; those of cookies begin with `CloudFront-`. */
export function signLink(
  { path, expiresAt, constraints, site }: LinkRequest,
  key: Key,
  { acceptSha1 }: CloudFrontOptions,
): [string, string][] | Refusal {
  const { signKey, alg, kid } = key
  if (!signKey || !isFit(key))
    return refuse('link_key_unknown', 'the key cannot sign CloudFront links')
  const isSha1 = alg === 'RS1'
  if (isSha1 && !acceptSha1) return refuse('link_key_unknown', 'SHA-1 is not accepted here')
  const isPrefix = path.endsWith('/*')
  // of a canned policy, too: who holds the link may send the same text as a custom one
  if (path.slice(0, isPrefix ? -1 : undefined).includes('*')) {
    return refuse('link_constraint_unsupported', 'path: a * in it would be a wildcard')
  }
  const url = `${site.scheme}://${site.host}${path}`
  const isCanned = !isPrefix && constraints.nbf === undefined && constraints.ip === undefined
  const policy = isCanned
    ? cannedPolicy(url, String(expiresAt))
    : customPolicy(url, expiresAt, constraints)
  if (typeof policy !== 'string') return policy
  const signature = signBytes(isSha1 ? 'sha1' : 'sha256', bytesOf(policy), signKey)
  return [
    isCanned ? ['Expires', String(expiresAt)] : ['Policy', encode(bytesOf(policy))],
    ['Key-Pair-Id', kid],
    ['Signature', encode(signature)],
    ...(isSha1 ? [] : [['Hash-Algorithm', 'SHA256'] as [string, string]]),
  ]
}

function readCarrier(text: string): {
  readonly expires: string
  readonly policy: string
  readonly signature: string
  readonly kid: string
  readonly hash: string
  readonly url: string
} {
  const [expires = '', policy = '', signature = '', kid = '', hash = '', url = ''] =
    text.split('\n')
  return { expires, policy, signature, kid, hash, url }
}

/** RSA, or ECDSA on P-256, whose signatures are DER. */
function isFit({ verifyKey }: Key): boolean {
  const { asymmetricKeyType, asymmetricKeyDetails } = verifyKey
  return (
    asymmetricKeyType === 'rsa' ||
    (asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1')
  )
}

/** Base64 with `-_~` for `+=/`, so that it stands in URLs; old clients encode the `~` on their way. */
function decode(text: string): Buffer | undefined {
  if (/[+=/]/.test(text)) return undefined
  const standard = text.replaceAll('-', '+').replaceAll('_', '=').replaceAll(/~|%7e/gi, '/')
  return decodeBase64(standard, 'base64')
}

function encode(bytes: Buffer): string {
  const text = bytes.toString('base64')
  return text.replaceAll('+', '-').replaceAll('=', '_').replaceAll('/', '~')
}
