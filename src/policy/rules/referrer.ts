import { refuse } from '../../base/refusal.ts'
import type { Rule } from '../rule.ts'

/** The page that linked here is on an allowed host; without a Referer only where `none` is allowed. */
export const comesFromAllowedPage: Rule = {
  name: 'referrers',
  enforcement: (policy) => policy.referrers.enforcement,
  check(_grant, context, policy) {
    const { allow } = policy.referrers
    if (allow.length === 0) return undefined
    const { referer } = context.headers
    if (referer === undefined) {
      return allow.some((pattern) => pattern.toLowerCase() === 'none')
        ? undefined
        : refuse('referrer_not_allowed', 'the request has no Referer')
    }
    const host = hostOf(referer)
    if (host !== undefined && allow.some((pattern) => matches(pattern, host))) return undefined
    return refuse('referrer_not_allowed', `Referer of ${host ?? 'an unreadable address'}`)
  },
}

function hostOf(referer: string): string | undefined {
  try {
    const url = new URL(referer)
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.hostname : undefined
  } catch {
    return undefined
  }
}

function matches(pattern: string, host: string): boolean {
  const name = pattern.toLowerCase()
  if (name === 'none') return false
  return name.startsWith('*.') ? host.endsWith(name.slice(1)) : host === name
}
