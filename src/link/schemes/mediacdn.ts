import { sign as signBytes, verify as verifyBytes } from 'node:crypto'
import { z } from 'zod'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import type { ConstraintName } from '../constraints.ts'
import { defineScheme } from '../definition.ts'
import { bytesOf } from '../digest.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal, parametersOf, readFields } from '../link-fields.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  found,
  type LinkRequest,
  malformed,
  type Scheme,
  type SignedLink,
  type Trigger,
  type Verified,
} from '../scheme.ts'
import {
  findInCookie,
  findInQuery,
  onlyOf,
  type RequestSigning,
  signCookie,
  signedText,
  signPath,
  signUrl,
  verifyRequest,
} from './google-request.ts'
import { findToken, isEd25519, signedTokenText, signToken, verifyToken } from './mediacdn-token.ts'

const NAME = 'mediacdn'
const COMPONENT = '/edge-cache-token='

const SIGNING: RequestSigning = {
  scheme: NAME,
  signatureBytes: 64,
  isFit: isEd25519,
  sign: ({ signKey }, text) =>
    signKey?.asymmetricKeyType === 'ed25519'
      ? signBytes(null, bytesOf(text), signKey)
      : refuse('link_key_unknown', 'only Ed25519 keys sign URLs and cookies of Media CDN'),
  isSignedBy: ({ verifyKey }, text, signature) =>
    verifyBytes(null, bytesOf(text), verifyKey, signature),
}

const TOKEN_EXPRESSIBLE: ReadonlySet<ConstraintName> = new Set(['nbf', 'ip', 'jti'])

const options = z.strictObject({
  cookieName: z
    .string()
    .regex(/^[\w!#$%&'*+.^`|~-]+$/, { error: 'is no name of a cookie' })
    .default('Edge-Cache-Cookie')
    .describe('The cookie that carries a signed prefix or a token.'),
  tokenParam: z
    .string()
    .regex(/^[\w.~-]+$/, { error: 'is no name of a parameter' })
    .default('hdnts')
    .describe('The parameter that carries a token; a cookie of this name may carry one, too.'),
  links: z
    .enum(['token', 'url', 'path', 'cookie'])
    .default('token')
    .describe(
      'What new links are: tokens in the parameter, signed URLs, or path components and cookies, which open prefixes only.',
    ),
})

/**
 * Signed URLs, URL prefixes, cookies and path components of Google Media CDN, and its tokens: fields
 * joined by `~`, with an Ed25519 signature or an HMAC.
 */
export class MediaCdn implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[]
  readonly expresses: ReadonlySet<ConstraintName>
  readonly signsPrefixes = true
  readonly #options: z.output<typeof options>

  constructor(given: z.output<typeof options>) {
    this.#options = given
    this.expresses = given.links === 'token' ? TOKEN_EXPRESSIBLE : new Set()
    const { cookieName, tokenParam } = given
    this.triggers = [
      ...[tokenParam, 'KeyName', 'URLPrefix'].map((name) => ({ place: 'query', name }) as const),
      ...[cookieName, tokenParam].map((name) => ({ place: 'cookie', name }) as const),
      { place: 'path', text: COMPONENT },
    ]
  }

  find(context: RequestContext): Found {
    const { cookieName, tokenParam } = this.#options
    const cookieNames = new Set([cookieName, tokenParam])
    return onlyOf([
      findInQuery(context),
      this.#findInParameter(context),
      findInPath(context),
      ...[...cookieNames].map((name) => findInAnyCookie(context, name)),
    ])
  }

  #findInParameter(context: RequestContext): Found {
    const { tokenParam } = this.#options
    const fields = readFields(parametersOf(context.target.rawQuery), [tokenParam])
    if (isRefusal(fields)) return { outcome: 'refused', refusal: fields }
    const token = fields[tokenParam]
    return token === undefined ? ABSENT : findToken('query', token, context)
  }

  cutPath(rawPath: string): string | undefined {
    const at = rawPath.indexOf(COMPONENT)
    const end = at < 0 ? -1 : rawPath.indexOf('/', at + 1)
    return end < 0 ? undefined : rawPath.slice(0, at) + rawPath.slice(end)
  }

  verify(carrier: Carrier, keys: KeyRing, context: RequestContext): Verified {
    return isToken(carrier)
      ? verifyToken(NAME, carrier, keys, context)
      : verifyRequest(SIGNING, carrier, keys, context)
  }

  sign(request: LinkRequest, key: Key): SignedLink | Refusal {
    const { links, cookieName, tokenParam } = this.#options
    if (links === 'url') return signUrl(SIGNING, request, key)
    if (links === 'path') return signPath(SIGNING, request, key)
    if (links === 'cookie') return signCookie(SIGNING, request, key, cookieName)
    const token = signToken(request, key)
    if (typeof token !== 'string') return token
    const path = request.path.endsWith('/*') ? request.path.slice(0, -1) : request.path
    return { target: `${path}?${tokenParam}=${token}` }
  }

  canonicalText(carrier: Carrier): string | undefined {
    return isToken(carrier) ? signedTokenText(carrier) : signedText(carrier)
  }
}

/** `PREFIX/edge-cache-token=Expires=…&KeyName=…&Signature=…/REST`: all that lies behind is open. */
function findInPath({ site, target: { rawPath } }: RequestContext): Found {
  const at = rawPath.indexOf(COMPONENT)
  if (at < 0) return ABSENT
  const end = rawPath.indexOf('/', at + 1)
  if (end < 0 || rawPath.includes(COMPONENT, end)) {
    return malformed('the path has no object behind its token, or two tokens')
  }
  return found('path', `${site.scheme}://${site.host}${rawPath.slice(0, end)}`)
}

/** A cookie holds a signed prefix, or a token, whose fields are joined by `~`. */
function findInAnyCookie(context: RequestContext, name: string): Found {
  const cookie = findInCookie(context, name)
  if (cookie.outcome !== 'found' || !cookie.carrier.text.includes('~')) return cookie
  return findToken('cookie', cookie.carrier.text, context)
}

/** A token's text has what was signed behind a line feed, which no other carrier can hold. */
function isToken({ text }: Carrier): boolean {
  return text.includes('\n')
}

export const mediacdn = defineScheme({
  name: NAME,
  algorithms: ['EdDSA', 'HS256', 'HS1'],
  options,
  marks: ({ cookieName, tokenParam }) => [
    'query Signature+KeyName',
    `query ${tokenParam}`,
    `cookie ${cookieName}`,
    `cookie ${tokenParam}`,
    'path edge-cache-token',
  ],
  create: (given) => new MediaCdn(given),
})
