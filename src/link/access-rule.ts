import type { Address, Network } from '../base/address.ts'
import { formatNetwork, networkContains, parseNetwork } from '../base/address.ts'

/** One entry of `accessRules` in Cloudflare Stream's form. In order; the first that matches decides. */
export type AccessRule =
  | { readonly type: 'any'; readonly action: 'allow' | 'block' }
  | { readonly type: 'ip.src'; readonly action: 'allow' | 'block'; readonly ip: readonly Network[] }
  | {
      readonly type: 'ip.geoip.country'
      readonly action: 'allow' | 'block'
      readonly country: readonly string[]
    }

/** As many as Cloudflare takes in one token. */
const MAX_RULES = 5
const MAX_NETWORKS = 64

/** Reads the JSON form; undefined when any part of it is not understood, so that nothing falls through. */
export function parseAccessRules(value: unknown): AccessRule[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_RULES) return undefined
  const rules: AccessRule[] = []
  for (const entry of value) {
    const rule = parseAccessRule(entry)
    if (!rule) return undefined
    rules.push(rule)
  }
  return rules
}

function parseAccessRule(entry: unknown): AccessRule | undefined {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return undefined
  const { type, action, ip, country, ...rest } = entry as Record<string, unknown>
  if (Object.keys(rest).length > 0 || (action !== 'allow' && action !== 'block')) return undefined
  if (type === 'any')
    return ip === undefined && country === undefined ? { type, action } : undefined
  if (type === 'ip.src' && country === undefined) {
    const networks = stringList(ip)?.map(parseNetwork)
    if (!networks || networks.length > MAX_NETWORKS || networks.includes(undefined))
      return undefined
    return { type, action, ip: networks as Network[] }
  }
  if (type === 'ip.geoip.country' && ip === undefined) {
    const countries = stringList(country)
    if (!countries?.every((code) => /^[A-Z]{2}$/.test(code))) return undefined
    return { type, action, country: countries }
  }
  return undefined
}

function stringList(value: unknown): string[] | undefined {
  const list = typeof value === 'string' ? [value] : value
  if (!Array.isArray(list) || list.length === 0) return undefined
  return list.every((item): item is string => typeof item === 'string') ? list : undefined
}

/** The JSON form again, for signing. */
export function formatAccessRules(rules: readonly AccessRule[]): unknown[] {
  return rules.map((rule) =>
    rule.type === 'ip.src' ? { ...rule, ip: rule.ip.map(formatNetwork) } : rule,
  )
}

/**
 * The verdict of the first matching rule; no match allows. A rule that cannot be evaluated (country or
 * address unknown) ends the search with `unknown`, because going on could let in whom it blocks.
 */
export function evaluateAccessRules(
  rules: readonly AccessRule[],
  client: Address | undefined,
  country: string | undefined,
): { verdict: 'allow' | 'block' | 'unknown'; type: AccessRule['type'] | undefined } {
  for (const rule of rules) {
    switch (rule.type) {
      case 'any':
        return { verdict: rule.action, type: rule.type }
      case 'ip.src':
        if (!client) return { verdict: 'unknown', type: rule.type }
        if (rule.ip.some((network) => networkContains(network, client))) {
          return { verdict: rule.action, type: rule.type }
        }
        break
      case 'ip.geoip.country':
        if (country === undefined) return { verdict: 'unknown', type: rule.type }
        if (rule.country.includes(country)) return { verdict: rule.action, type: rule.type }
        break
      default:
        rule satisfies never
    }
  }
  return { verdict: 'allow', type: undefined }
}
