import type { Site } from '../../request/request-context.ts'

/** A Set-Cookie value that carries a renewed token; `seconds` is how long that lives. */
export function renewalCookie(
  name: string,
  token: string,
  seconds: number,
  path: string,
  site: Site,
): string {
  // a player on another site sends a cookie only with SameSite=None, which only https may say
  const reach = site.scheme === 'https' ? '; Secure; SameSite=None' : ''
  return `${name}=${token}; Path=${path}; Max-Age=${seconds}; HttpOnly${reach}`
}

/** The first segments of a path; fewer where one holds a `;`, which would end the attribute. */
export function cookiePath(path: string, depth: number): string {
  const segments = path.split('/').slice(1, depth + 1)
  const odd = segments.findIndex((segment) => segment === '' || segment.includes(';'))
  return `/${(odd < 0 ? segments : segments.slice(0, odd)).join('/')}`
}
