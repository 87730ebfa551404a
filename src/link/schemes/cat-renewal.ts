import { randomBytes } from 'node:crypto'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { isCount } from '../constraints.ts'
import type { Key } from '../key-ring.ts'
import type { Carrier } from '../scheme.ts'
import { CLAIM } from './cat-claims.ts'
import { type CborMap, type CborValue, isMap } from './cbor.ts'
import { signCwt } from './cose.ts'
import { renewalCookie } from './renewal-cookie.ts'

/** The members of a `catr` claim. */
const MEMBER = { type: 0, expadd: 1, deadline: 2, cookieName: 3, headerName: 4, cookieParams: 5 }
const TYPES = ['automatic', 'cookie', 'header', 'redirect'] as const
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/
const COOKIE_PARAMETER = /^[A-Za-z-]+(?:=[\x21-\x3a\x3c-\x7e]*)?$/

/** How a token is renewed; redirects are not made, such a token lives as long as it says. */
export interface Renewal {
  readonly carrier: 'cookie' | 'header' | undefined
  /** The name of the cookie; the header is that of the route. */
  readonly cookie: string
  readonly addSeconds: number
  /** How long before its end it is renewed. */
  readonly deadline: number
  readonly cookieParameters: readonly string[] | undefined
}

/** Reads a `catr` claim; `names` are the route's own. */
export function readRenewal(
  catr: CborValue,
  place: Carrier['place'],
  names: { readonly header: string; readonly cookie: string },
): Renewal | Refusal {
  if (!isMap(catr)) return odd('catr is no map')
  const type = TYPES[Number(catr.get(MEMBER.type))]
  const addSeconds = catr.get(MEMBER.expadd)
  const deadline = catr.get(MEMBER.deadline) ?? Infinity
  const cookie = catr.get(MEMBER.cookieName) ?? names.cookie
  const header = catr.get(MEMBER.headerName) ?? names.header
  if (type === undefined || !isCount(addSeconds) || addSeconds === 0) {
    return odd('catr has no known type, or adds no seconds')
  }
  if (deadline !== Infinity && !isCount(deadline)) return odd('catr has no valid deadline')
  if (typeof cookie !== 'string' || !TOKEN.test(cookie)) return odd('catr names no cookie')
  const cookieParameters = readParameters(catr.get(MEMBER.cookieParams))
  if (cookieParameters === null) return odd('catr has no valid parameters of a cookie')
  // a token must not name just any header of our answer
  const isOurs = typeof header === 'string' && header.toLowerCase() === names.header.toLowerCase()
  const wanted = type === 'automatic' ? place : type
  const carrier = wanted === 'cookie' || (wanted === 'header' && isOurs) ? wanted : undefined
  return { carrier, cookie, addSeconds, deadline, cookieParameters }
}

/** Undefined where there are none, null where they are not understood. */
function readParameters(value: CborValue | undefined): readonly string[] | undefined | null {
  if (value === undefined) return undefined
  // @eyevinn/cat writes a list, or its items as one text
  const list = typeof value === 'string' ? value.split(/; ?/) : value
  if (!Array.isArray(list)) return null
  const items = list as readonly CborValue[]
  if (items.length === 0) return undefined
  const isValid = items.every((item) => typeof item === 'string' && COOKIE_PARAMETER.test(item))
  return isValid ? (items as readonly string[]) : null
}

/** The headers that bring the token again with a later expiry, once its deadline is near. */
export function renewToken(
  { carrier, cookie, addSeconds, deadline, cookieParameters }: Renewal,
  claims: CborMap,
  exp: number,
  signer: Key,
  header: string,
  { now, site }: RequestContext,
): readonly string[] {
  if (carrier === undefined || now >= exp || now < exp - deadline) return []
  const renewed = new Map(claims).set(CLAIM.exp, now + addSeconds)
  if (claims.has(CLAIM.iat)) renewed.set(CLAIM.iat, now)
  // the same id keeps a withdrawn link withdrawn; one that counts as used needs another
  if (claims.get(CLAIM.catreplay) === 1) renewed.set(CLAIM.cti, randomBytes(16))
  const token = signCwt(renewed, signer)?.toString('base64url')
  if (token === undefined) return []
  if (carrier === 'header') return [header, token]
  const line = cookieParameters
    ? [`${cookie}=${token}`, ...cookieParameters].join('; ')
    : renewalCookie(cookie, token, addSeconds, '/', site)
  return ['Set-Cookie', line]
}

function odd(detail: string): Refusal {
  return refuse('link_malformed', detail)
}
