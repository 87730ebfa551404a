import type { AccessRule } from '../access-rule.ts'

/** Countries that a link names; undefined where it has no such list. */
export interface CountryLists {
  readonly allowed?: readonly string[] | undefined
  readonly blocked?: readonly string[] | undefined
}

/** A comma list of ISO 3166-1 alpha-2 codes in upper case, or undefined. */
export function readCountries(text: string): readonly string[] | undefined {
  const codes = text.split(',').map((code) => code.trim())
  return codes.every((code) => /^[A-Z]{2}$/.test(code)) ? codes : undefined
}

/** Both lists as access rules: who is blocked, then who is allowed and nobody else. */
export function countryRules({
  allowed,
  blocked,
}: CountryLists): readonly AccessRule[] | undefined {
  const rules: AccessRule[] = []
  if (blocked) rules.push({ type: 'ip.geoip.country', action: 'block', country: blocked })
  if (allowed) {
    rules.push({ type: 'ip.geoip.country', action: 'allow', country: allowed })
    rules.push({ type: 'any', action: 'block' })
  }
  return rules.length > 0 ? rules : undefined
}

/** The lists that rules of exactly that form come from; undefined for any other rules. */
export function countryLists(rules: readonly AccessRule[]): CountryLists | undefined {
  const lists: { allowed?: readonly string[]; blocked?: readonly string[] } = {}
  for (const rule of rules) {
    if (rule.type !== 'ip.geoip.country') continue
    lists[rule.action === 'allow' ? 'allowed' : 'blocked'] = rule.country
  }
  return JSON.stringify(countryRules(lists)) === JSON.stringify(rules) ? lists : undefined
}
