import { parseCount } from '../constraints.ts'
import { decodeValue, type RawParameter } from '../raw-query.ts'
import { type CountryLists, readCountries } from './country-rules.ts'

/** The parameters that Bunny gives a meaning; all others are the application's. */
const OWN = [
  'token_path',
  'token_countries',
  'token_countries_blocked',
  'token_ignore_params',
  'limit',
] as const

/** What carries the token and is not signed as a parameter. */
export const CARRIERS: readonly string[] = ['token', 'bcdn_token', 'expires']

/** What the parameters of a link say, and the text in which they are signed. */
export interface BunnyParameters {
  /** `name=value`, decoded, sorted by name and joined with `&`. */
  readonly signed: string
  readonly tokenPath: string | undefined
  readonly countries: CountryLists
  /** Bytes a second. */
  readonly rate: number | undefined
}

/** Reads what stands beside token and expires; a string says what is wrong with it. */
export function readParameters(raw: readonly RawParameter[]): BunnyParameters | string {
  const decoded: [string, string][] = []
  for (const parameter of raw) {
    if (CARRIERS.includes(parameter.name)) continue
    const name = decodeValue(parameter.name)
    const value = decodeValue(parameter.value)
    if (name === undefined || value === undefined) return 'a parameter is not decodable'
    decoded.push([name, value])
  }
  const ignores = decoded.some(
    ([name, value]) => name === 'token_ignore_params' && value === 'true',
  )
  const all = new Map<string, string>()
  for (const [name, value] of decoded) {
    if (ignores && !isOwn(name)) continue
    if (all.has(name)) return 'a parameter occurs twice'
    if (isAmbiguous(name, value)) return 'a parameter could be read as another one'
    all.set(name, value)
  }
  const signed = ignores ? new Map([...all].filter(([name]) => isSignedAlways(name))) : all
  const limits = readLimits(all)
  return typeof limits === 'string' ? limits : { signed: signedText(signed), ...limits }
}

/** The text in which parameters are signed. */
export function signedText(parameters: ReadonlyMap<string, string>): string {
  return [...parameters]
    .sort(([x], [y]) => (x < y ? -1 : 1))
    .map((pair) => pair.join('='))
    .join('&')
}

function readLimits(all: ReadonlyMap<string, string>): Omit<BunnyParameters, 'signed'> | string {
  const tokenPath = all.get('token_path')
  if (tokenPath !== undefined && !tokenPath.startsWith('/')) return 'token_path is no path'
  const lists: { allowed?: readonly string[]; blocked?: readonly string[] } = {}
  for (const [name, list] of [
    ['token_countries', 'allowed'],
    ['token_countries_blocked', 'blocked'],
  ] as const) {
    const text = all.get(name)
    if (text === undefined) continue
    const codes = readCountries(text)
    if (!codes) return `${name} is no list of countries`
    lists[list] = codes
  }
  const limit = all.get('limit')
  const kilobytes = limit === undefined ? undefined : parseCount(limit)
  if (limit !== undefined && !kilobytes) return 'limit is no whole number of kB/s'
  return { tokenPath, countries: lists, rate: kilobytes && kilobytes * 1000 }
}

/** Whether Bunny gives a parameter a meaning. */
export function isOwn(name: string): boolean {
  return (OWN as readonly string[]).includes(name)
}

/** With `token_ignore_params=true` only these are signed. */
function isSignedAlways(name: string): boolean {
  return name === 'token_ignore_params' || name === 'token_path'
}

/**
 * Path, expiry, address and parameters are signed without anything between them, and values are not
 * escaped: `a=1&limit=5` may be sent as one parameter, and the bytes of an address as the beginning of a
 * name. Then the signature would hold and the restriction be gone.
 */
function isAmbiguous(name: string, value: string): boolean {
  return (
    /[=&\p{Cc}]/u.test(name) ||
    /.token_(?:path|countries|countries_blocked|ignore_params)$/.test(name) ||
    OWN.some((own) => value.includes(`&${own}=`))
  )
}
