import { parseAddress } from '../../base/address.ts'
import { decodeHex } from '../../base/bytes.ts'
import type { EpochSeconds } from '../../base/clock.ts'
import { type Constraints, parseCount } from '../constraints.ts'
import { decodeOctets } from '../octets.ts'
import { parseExpiry } from '../link-fields.ts'

const NAMES = ['ip', 'st', 'exp', 'acl', 'id', 'data'] as const

type FieldName = (typeof NAMES)[number]

/** A token cut into its fields, as received. */
export interface EdgeToken {
  readonly fields: { readonly [N in FieldName]?: string }
  /** All that stands before the `hmac` field: what is hashed. */
  readonly signed: string
  readonly mac: Buffer
}

/** Cuts a token at its delimiter, strictly; a string says what is wrong with it. */
export function readToken(text: string, delimiter: string): EdgeToken | string {
  const parts = text.split(delimiter)
  const last = parts.pop() ?? ''
  const mac = last.startsWith('hmac=') ? decodeHex(last.slice('hmac='.length)) : undefined
  if (!mac?.length) return 'the last field is no hmac in lower-case hex'
  const fields: { [N in FieldName]?: string } = {}
  for (const part of parts) {
    const equals = part.indexOf('=')
    const name = NAMES.find((known) => known === part.slice(0, Math.max(equals, 0)))
    if (name === undefined) return 'the token holds an unknown field'
    if (fields[name] !== undefined) return `the field ${name} occurs twice`
    fields[name] = part.slice(equals + 1)
  }
  return { fields, mac, signed: parts.join(delimiter) }
}

/** What the fields of a token say besides its paths; a string says what is wrong with them. */
export function readClaims(
  { fields: { ip, st, exp, id } }: EdgeToken,
  isEscaped: boolean,
  now: EpochSeconds,
): { readonly validUntil: EpochSeconds; readonly constraints: Constraints } | string {
  const validUntil = parseExpiry(exp, now)
  if (typeof validUntil !== 'number') return validUntil.detail
  const nbf = st === undefined ? undefined : parseCount(st)
  if (st !== undefined && nbf === undefined) return 'st is no whole number of seconds'
  const address = ip === undefined ? undefined : parseAddress(decodeOctets(ip) ?? '')
  if (ip !== undefined && !address) return 'ip is no address'
  const session = id === undefined ? undefined : isEscaped ? decodeOctets(id) : id
  const jti = session !== undefined && /^[\x21-\x7e]{1,128}$/.test(session) ? session : undefined
  return {
    validUntil,
    constraints: {
      ...(jti !== undefined && { jti }),
      ...(nbf !== undefined && { nbf }),
      ...(address && { ip: [{ first: address, prefix: address.family === 4 ? 32 : 128 }] }),
    },
  }
}

/** The text of the token as sent, and as a player that percent-encoded the whole value meant it. */
export function readingsOf(text: string): string[] {
  const decoded = text.includes('%') ? decodeOctets(text) : undefined
  return decoded === undefined ? [text] : [text, decoded]
}

/** What `encodeURIComponent` leaves as it is, less `~ ' *`: the vendor's library for Node. */
const UNSAFE_IN_NODE = /[^A-Za-z0-9\-_.!()]/g
/** What `quote_plus` leaves as it is: the vendor's library for Python. */
const UNSAFE_IN_PYTHON = /[^A-Za-z0-9\-_.~ ]/g
const UNSAFE_IN_CLOUDINARY = /[ "#%&'/:;<=>?@[\]^`{|}~]/g

/** Escapes octets with lower-case hex, as the vendor's library for Node does. */
export function escapeEarly(octets: string): string {
  return escape(octets, UNSAFE_IN_NODE)
}

export function escapeForCloudinary(octets: string): string {
  return escape(octets, UNSAFE_IN_CLOUDINARY)
}

/** How the different signers escape a URL before they hash it. */
export function escapings(octets: string): string[] {
  return [
    escapeEarly(octets),
    escapeForCloudinary(octets),
    escape(octets, UNSAFE_IN_PYTHON).replaceAll(' ', '+'),
  ]
}

function escape(octets: string, unsafe: RegExp): string {
  return octets.replace(unsafe, (octet) => `%${octet.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
