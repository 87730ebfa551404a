import { parseNetwork } from '../../base/address.ts'
import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { writtenPaths } from '../written-paths.ts'
import type { Condition, Grant, Resource } from '../grant.ts'
import { isHostilePath } from '../hostile-path.ts'
import { parseExpiry } from '../link-fields.ts'
import { countryRules, readCountries } from './country-rules.ts'
import { isMissing, namesPlace, refererPlace } from './edgecast-referrer.ts'

const NAMES = [
  'ec_expire',
  'ec_clientip',
  'ec_country_allow',
  'ec_country_deny',
  'ec_url_allow',
  'ec_host_allow',
  'ec_host_deny',
  'ec_ref_allow',
  'ec_ref_deny',
  'ec_proto_allow',
  'ec_proto_deny',
] as const

type Fields = { readonly [N in (typeof NAMES)[number]]?: string }

const MAX_ENTRIES = 64

/** What a decrypted token says; without `ec_expire` it never expires. */
export function readFields(
  plaintext: string,
  now: EpochSeconds,
): Pick<Grant, 'resource' | 'validUntil' | 'constraints' | 'conditions'> | Refusal {
  const fields = cutFields(plaintext)
  if (typeof fields === 'string') return refuse('link_malformed', fields)
  const validUntil = fields.ec_expire === undefined ? Infinity : parseExpiry(fields.ec_expire, now)
  if (typeof validUntil !== 'number') return validUntil
  const { ec_clientip: address, ec_country_allow: allow, ec_country_deny: deny } = fields
  const networks = address?.split(',').map(parseNetwork)
  const ip = networks?.filter((network) => network !== undefined)
  const allowed = allow === undefined ? undefined : readCountries(allow)
  const blocked = deny === undefined ? undefined : readCountries(deny)
  const wrong =
    (networks?.length !== ip?.length && 'ec_clientip holds something else than addresses') ||
    (allow !== undefined && !allowed && 'ec_country_allow is no list of countries') ||
    (deny !== undefined && !blocked && 'ec_country_deny is no list of countries') ||
    wrongList(fields)
  if (wrong) return refuse('link_malformed', wrong)
  const accessRules = countryRules({ allowed, blocked })
  return {
    validUntil,
    resource: resourceOf(fields),
    constraints: { ...(ip && { ip }), ...(accessRules && { accessRules }) },
    conditions: [...conditionsOf(fields)],
  }
}

/** Fields of other names are the application's; unknown `ec_` ones would restrict. */
function cutFields(plaintext: string): Fields | string {
  const fields: Record<string, string> = {}
  for (const pair of plaintext.split('&')) {
    const equals = pair.indexOf('=')
    if (equals < 0) return 'the token holds something else than fields'
    const name = pair.slice(0, equals)
    if (!name.startsWith('ec_')) continue
    if (!(NAMES as readonly string[]).includes(name)) return 'the token holds an unknown field'
    if (Object.hasOwn(fields, name)) return `the field ${name} occurs twice`
    fields[name] = pair.slice(equals + 1)
  }
  return fields
}

function wrongList(fields: Fields): string | undefined {
  for (const name of NAMES) {
    const entries = fields[name]?.split(',') ?? []
    if (entries.length > MAX_ENTRIES) return `${name} has more than ${MAX_ENTRIES} entries`
    const isWrong =
      (name === 'ec_url_allow' && entries.some((entry) => !entry.startsWith('/'))) ||
      (name.startsWith('ec_host_') && entries.includes('')) ||
      (name.startsWith('ec_proto_') && entries.some((entry) => !/^https?$/.test(entry)))
    if (isWrong) return `${name} has an entry that cannot be one`
  }
  return undefined
}

function resourceOf({ ec_url_allow: text }: Fields): Resource {
  const prefixes = text?.split(',')
  return {
    kind: 'pattern',
    text: prefixes?.map((prefix) => `${prefix}*`).join(' ') ?? '*',
    covers: (context) => {
      if (isHostilePath(context.target.rawPath)) return false
      const paths = writtenPaths(context)
      return !prefixes || paths.some((path) => prefixes.some((prefix) => path.startsWith(prefix)))
    },
  }
}

function* conditionsOf(fields: Fields): Generator<Condition> {
  const { ec_proto_allow, ec_proto_deny, ec_host_allow, ec_host_deny } = fields
  if (ec_proto_allow !== undefined || ec_proto_deny !== undefined) {
    yield {
      name: 'protocol',
      check: ({ site: { scheme } }) =>
        isLet(ec_proto_allow, ec_proto_deny, (entry) => entry === scheme)
          ? undefined
          : refuse('link_resource_mismatch', `the link is not for ${scheme}`),
    }
  }
  if (ec_host_allow !== undefined || ec_host_deny !== undefined) {
    yield {
      name: 'host',
      check: ({ site: { host } }) =>
        isLet(ec_host_allow, ec_host_deny, (entry) => namesPlace(entry, { host, path: '' }))
          ? undefined
          : refuse('link_resource_mismatch', `the link is not for the host ${host}`),
    }
  }
  const { ec_ref_allow, ec_ref_deny } = fields
  if (ec_ref_allow === undefined && ec_ref_deny === undefined) return
  yield {
    name: 'header referer',
    check: ({ headers: { referer } }) => {
      const place = refererPlace(referer)
      const isNamed = (entry: string): boolean =>
        place ? !isMissing(entry) && namesPlace(entry, place) : isMissing(entry)
      return isLet(ec_ref_allow, ec_ref_deny, isNamed)
        ? undefined
        : refuse('referrer_not_allowed', 'the link is not for pages like this')
    },
  }
}

/** Both lists have to hold: what neither names is let in by a list of denials alone. */
function isLet(
  allow: string | undefined,
  deny: string | undefined,
  names: (entry: string) => boolean,
): boolean {
  if (deny?.split(',').some(names)) return false
  return allow === undefined || allow.split(',').some(names)
}
