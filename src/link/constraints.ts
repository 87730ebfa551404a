import type { Network } from '../base/address.ts'
import { addressFromInteger, formatNetwork, parseNetwork } from '../base/address.ts'
import type { EpochSeconds } from '../base/clock.ts'
import { type AccessRule, formatAccessRules, parseAccessRules } from './access-rule.ts'

/** What a native link may say besides its path and expiry, in its own vocabulary. */
export interface Constraints {
  readonly jti?: string
  readonly iat?: EpochSeconds
  readonly nbf?: EpochSeconds
  readonly ip?: readonly Network[]
  readonly max_parallel_downloads?: number
  readonly anti_fraud?: boolean
  readonly streaming?: boolean
  readonly filename?: string
  readonly autograph_tag?: string
  readonly multi_use?: boolean
  /** Bytes a second. */
  readonly rate?: number
  readonly accessRules?: readonly AccessRule[]
  /** Who the link was made for. */
  readonly subject?: string
}

export type ConstraintName = keyof Constraints

interface Field<T> {
  /** From a JSON claim or a body of the admin API. */
  fromJson(value: unknown): T | undefined
  /** From a query parameter or a command line flag, percent-decoded. */
  fromText(text: string): T | undefined
  toJson(value: T): unknown
  toText(value: T): string
  /** What a valid value is, for messages. */
  readonly expects: string
}

/** Times and counts: decimal digits, at most 15, no sign, exponent, fraction or leading zero. */
export function parseCount(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,14})$/.test(text) ? Number(text) : undefined
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < 1e15
}

const identity = <T>(value: T): T => value

function count(minimum: number, expects: string): Field<number> {
  const inBounds = (value: number | undefined): number | undefined =>
    value !== undefined && value >= minimum ? value : undefined
  return {
    fromJson: (value) => (isCount(value) ? inBounds(value) : undefined),
    fromText: (text) => inBounds(parseCount(text)),
    toJson: identity,
    toText: String,
    expects,
  }
}

const boolean: Field<boolean> = {
  fromJson: (value) => (typeof value === 'boolean' ? value : undefined),
  fromText: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
  toJson: identity,
  toText: String,
  expects: 'true or false',
}

function string(accepts: (text: string) => boolean, expects: string): Field<string> {
  const fromText = (text: string): string | undefined => (accepts(text) ? text : undefined)
  return {
    fromJson: (value) => (typeof value === 'string' ? fromText(value) : undefined),
    fromText,
    toJson: identity,
    toText: identity,
    expects,
  }
}

const CONTROL = /[\p{Cc}\u2028\u2029]/u
/** Half of a surrogate pair: no UTF-8 exists for it. */
const isText = (text: string, maxBytes: number): boolean =>
  text !== '' && Buffer.byteLength(text) <= maxBytes && !CONTROL.test(text) && text.isWellFormed()

const MAX_ADDRESSES = 64

const addresses: Field<readonly Network[]> = {
  fromJson(value) {
    const list = Array.isArray(value) ? value : [value]
    if (list.length === 0 || list.length > MAX_ADDRESSES) return undefined
    const networks = list.map((entry) =>
      typeof entry === 'number' ? parseInteger(String(entry)) : parseAddressText(entry),
    )
    return networks.includes(undefined) ? undefined : (networks as Network[])
  },
  fromText: (text) => addresses.fromJson(text.split(',')),
  toJson: (value) => (value.length === 1 ? value.map(shortAddress)[0] : value.map(shortAddress)),
  toText: (value) => value.map(shortAddress).join(','),
  expects:
    'an IPv4 address as 32-bit integer, an address, a CIDR, or up to 64 of them (comma-separated as text, an array in JSON)',
}

function parseAddressText(entry: unknown): Network | undefined {
  return typeof entry === 'string' ? (parseInteger(entry) ?? parseNetwork(entry)) : undefined
}

/** The unsigned 32-bit form, or the signed one that `192 << 24` gives in many languages. */
function parseInteger(text: string): Network | undefined {
  if (!/^(?:0|-?[1-9]\d{0,9})$/.test(text)) return undefined
  const value = Number(text)
  if (value < -0x80000000 || value > 0xffffffff) return undefined
  return { first: addressFromInteger(value), prefix: 32 }
}

function shortAddress(network: Network): number | string {
  return network.first.family === 4 && network.prefix === 32
    ? network.first.d
    : formatNetwork(network)
}

const accessRules: Field<readonly AccessRule[]> = {
  fromJson: parseAccessRules,
  fromText(text) {
    try {
      return parseAccessRules(JSON.parse(text))
    } catch {
      return undefined
    }
  },
  toJson: formatAccessRules,
  toText: (value) => JSON.stringify(formatAccessRules(value)),
  expects: 'a list of 1 to 5 rules in the form of Cloudflare Stream',
}

/** In the order in which a signed link carries them. */
export const CONSTRAINTS: { readonly [N in ConstraintName]-?: Field<NonNullable<Constraints[N]>> } =
  {
    jti: string((text) => /^[\x21-\x7e]{1,128}$/.test(text), '1 to 128 visible ASCII characters'),
    iat: count(0, 'epoch seconds'),
    nbf: count(0, 'epoch seconds'),
    ip: addresses,
    max_parallel_downloads: count(1, 'a whole number of 1 or more'),
    anti_fraud: boolean,
    streaming: boolean,
    filename: string(
      (text) => isText(text, 255) && !/[/\\]/.test(text) && text !== '.' && text !== '..',
      'a file name of at most 255 bytes without slashes or control characters',
    ),
    autograph_tag: string(
      (text) => isText(text, 64),
      'at most 64 bytes without control characters',
    ),
    multi_use: boolean,
    rate: count(1, 'bytes a second, 1 or more'),
    accessRules,
    subject: string((text) => isText(text, 255), 'at most 255 bytes without control characters'),
  }

export const CONSTRAINT_NAMES = Object.keys(CONSTRAINTS) as ConstraintName[]

export const ALL_CONSTRAINTS: ReadonlySet<ConstraintName> = new Set(CONSTRAINT_NAMES)

export function isConstraintName(name: string): name is ConstraintName {
  return Object.hasOwn(CONSTRAINTS, name)
}

/** One constraint set on a copy; undefined when the value is not one. */
export function readConstraint(
  into: Record<string, unknown>,
  name: ConstraintName,
  value: unknown,
  form: 'json' | 'text',
): boolean {
  const field = CONSTRAINTS[name] as Field<unknown>
  const read = form === 'json' ? field.fromJson(value) : field.fromText(value as string)
  if (read === undefined) return false
  into[name] = read
  return true
}

/** Each constraint that is set, in canonical order, as JSON or as text. */
export function writeConstraints(
  constraints: Constraints,
  form: 'json' | 'text',
): [ConstraintName, unknown][] {
  const written: [ConstraintName, unknown][] = []
  for (const name of CONSTRAINT_NAMES) {
    const value = constraints[name]
    if (value === undefined) continue
    const field = CONSTRAINTS[name] as Field<unknown>
    written.push([name, form === 'json' ? field.toJson(value) : field.toText(value)])
  }
  return written
}
