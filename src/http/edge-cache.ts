import type { EpochSeconds } from '../base/clock.ts'
import { PRIVATE } from '../delivery/response-headers.ts'
import type { Grant } from '../link/grant.ts'
import { sharedCacheSeconds } from '../policy/shared-cache.ts'
import type { RequestContext } from '../request/request-context.ts'
import { readHeaders } from '../request/request-headers.ts'
import type { Route } from './route.ts'

const NO_HEADERS = readHeaders([])

/**
 * The Cache-Control of an object. Where a shared cache may keep it, a client's own cache asks that one each
 * time (`max-age=0`): caches that send no Age (RFC 9111 section 5.1), as nginx, would lengthen its life.
 */
export function cacheControlOf(
  { route, context, grant }: { route: Route; context: RequestContext; grant: Grant },
  now: EpochSeconds,
): string {
  if (!route.policy.delivery.edge) return PRIVATE
  const seconds = sharedCacheSeconds(grant, route.policy, now)
  if (seconds === 0 || !isInUrl(route, context)) return PRIVATE
  return `public, max-age=0, s-maxage=${seconds}, must-revalidate`
}

/** What distinguishes answers that a shared cache keeps: scripts of one origin must not get those of another. */
export function varyOf({ policy }: Route, { headers }: RequestContext): readonly string[] {
  const { cors, edge } = policy.delivery
  const isSaidByCors = cors.includes('*') || cors.length === 0 || headers.origin !== undefined
  return edge && !isSaidByCors ? VARY_BY_ORIGIN : NOTHING
}

const VARY_BY_ORIGIN = ['Vary', 'Origin']
const NOTHING: readonly string[] = []

/**
 * Whether the URL alone opens the object: that is what a cache knows an answer by. A token in a field, or a
 * signature over fields, would open it for those who have neither. So would Authorization (RFC 9111 section 3.5).
 */
function isInUrl({ verifier }: Route, context: RequestContext): boolean {
  if (context.headers.authorization !== undefined) return false
  const bare = { ...context, headers: NO_HEADERS }
  const [whole, inUrl] = [verifier.locate(context), verifier.locate(bare)]
  return (
    whole.outcome === 'found' &&
    inUrl.outcome === 'found' &&
    inUrl.scheme === whole.scheme &&
    inUrl.carrier.place === whole.carrier.place &&
    inUrl.carrier.text === whole.carrier.text &&
    verifier.check(inUrl, bare).outcome === 'granted'
  )
}
