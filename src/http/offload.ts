import type { ByteRange } from '../delivery/byte-range.ts'
import { parseRange } from '../delivery/byte-range.ts'
import type { Grant } from '../link/grant.ts'
import { isTicket } from '../offload/delivery-report.ts'
import type { HandOvers } from '../offload/hand-overs.ts'
import { flowsOf, maxUses } from '../policy/limits.ts'
import type { Policy } from '../policy/policy.ts'
import type { RequestContext } from '../request/request-context.ts'
import { isPinnedByUse } from './admission.ts'
import type { Route } from './route.ts'

/** The field in which nginx names its request (`$request_id`), and by it says that it takes deliveries. */
export const TICKET_FIELD = 'x-sluice-offload'

/** How the bytes of a request go past the gateway. */
export type Way =
  | {
      readonly kind: 'x-accel'
      readonly prefix: string
      /** Under which ticket its end is heard of; undefined where nobody tells it. */
      readonly report: { readonly handOvers: HandOvers; readonly ticket: string } | undefined
      /** Bytes a second of its one connection. */
      readonly limitRate: number | undefined
    }
  | { readonly kind: 'redirect'; readonly expiresAt: number }
  /** The gateway sends them itself, since it alone can keep what binds. */
  | { readonly kind: 'none'; readonly why: string }

interface Asked {
  readonly context: RequestContext
  readonly route: Route
  readonly grant: Grant
}

interface OffloadTerms {
  /** Undefined where no proxy reports how deliveries end. */
  readonly handOvers: HandOvers | undefined
  readonly redirectSeconds: number
  /** Whether the peer is a proxy that is trusted. */
  readonly isFromProxy: boolean
}

/** Who shall send the bytes, as far as that can be said before the object is known. Undefined: nobody asked. */
export function chooseWay(asked: Asked, terms: OffloadTerms): Way | undefined {
  const { context, route, grant } = asked
  const { offload } = route.policy.delivery
  if (!offload || context.method !== 'GET') return undefined
  if (grant.constraints.autograph_tag !== undefined) return keep('the bytes are tagged')
  return offload.kind === 'x-accel'
    ? chooseProxy(asked, offload.prefix, terms)
    : chooseOrigin(asked, terms)
}

function chooseProxy(
  { context, route, grant }: Asked,
  prefix: string,
  { handOvers, isFromProxy }: OffloadTerms,
): Way {
  if (!isFromProxy) return keep('the request came past the trusted proxies')
  const { ifMatch, ifUnmodifiedSince, range } = context.headers
  // nginx compares these with validators of its own
  if (ifMatch !== undefined || ifUnmodifiedSince !== undefined) return keep('it has a precondition')
  if (range !== undefined && (parseRange(range)?.length ?? 1) > 1) {
    return keep('it asks for several ranges')
  }
  if (!handOvers) {
    const limit = limitOf(grant, route.policy)
    return limit === undefined
      ? { kind: 'x-accel', prefix, report: undefined, limitRate: undefined }
      : keep(limit)
  }
  const ticket = ticketOf(context.headers.raw)
  if (ticket === undefined) return keep(`no proxy named it in ${TICKET_FIELD}`)
  if (handOvers.has(ticket)) return keep('its ticket is in use')
  const report = { handOvers, ticket }
  const flows = flowsOf(grant, route.policy, false)
  if (flows.length === 0) return { kind: 'x-accel', prefix, report, limitRate: undefined }
  if (!hasOneConnection(grant, route.policy)) return keep('several connections may share its rate')
  const limitRate = Math.min(...flows.map(({ bytesPerSecond }) => bytesPerSecond))
  return { kind: 'x-accel', prefix, report, limitRate }
}

/** The limit that only those can keep who hear how a delivery goes on. */
function limitOf(grant: Grant, policy: Policy): string | undefined {
  if (flowsOf(grant, policy, false).length > 0) return 'its rate is limited'
  if (maxUses(grant, policy) !== undefined) return 'its uses are limited'
  const downloads = grant.constraints.max_parallel_downloads ?? policy.parallel.maxDownloads
  return downloads === undefined ? undefined : 'its downloads are limited'
}

function chooseOrigin({ context, route, grant }: Asked, { redirectSeconds }: OffloadTerms): Way {
  const { policy, origin } = route
  const { constraints, response } = grant
  if (!origin.presigner) return keep('the origin takes no links')
  const limit = limitOf(grant, policy)
  if (limit !== undefined) return keep(limit)
  const isByRule = constraints.accessRules?.some(({ type }) => type === 'ip.src') ?? false
  if (constraints.ip || isByRule || isPinnedByUse(grant, policy)) {
    return keep('it is bound to an address')
  }
  if (response?.contentEncoding !== undefined || response?.contentLanguage !== undefined) {
    return keep('it sets fields that a link to the origin cannot')
  }
  const seconds = Math.min(redirectSeconds, grant.validUntil - context.now)
  if (seconds < 1) return keep('it has expired')
  return { kind: 'redirect', expiresAt: context.now + Math.floor(seconds) }
}

function keep(why: string): Way {
  return { kind: 'none', why }
}

/** Whether the flows of a link cannot have but one connection: nginx limits each by itself. */
function hasOneConnection(grant: Grant, policy: Policy): boolean {
  const { connectionsPerDownload, countBy, enforcement, maxDownloads } = policy.parallel
  if (connectionsPerDownload !== 1 || enforcement !== 'enforce') return false
  const { max_parallel_downloads, subject } = grant.constraints
  if (policy.rate.countBy === 'subject' && subject !== undefined) {
    return maxDownloads === 1 && countBy === 'subject'
  }
  return max_parallel_downloads === 1 || (maxDownloads === 1 && countBy !== 'address')
}

/** Undefined when there is none, or not one alone in its form. */
function ticketOf(raw: readonly string[]): string | undefined {
  let ticket: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() !== TICKET_FIELD) continue
    if (ticket !== undefined) return undefined
    ticket = raw[i + 1] ?? ''
  }
  return ticket !== undefined && isTicket(ticket) ? ticket : undefined
}

/** The name below the internal location, so that each of its octets arrives. */
export function internalPath(prefix: string, name: string): string {
  return prefix + name.split('/').map(encodeURIComponent).join('/')
}

/** What a report says was sent, of what the gateway expected; without a report all of it counts as sent. */
export function sentRange(
  report:
    | { readonly status: number; readonly bytes: number; readonly range?: ByteRange | undefined }
    | undefined,
  asked: ByteRange,
  size: number,
): ByteRange {
  if (!report) return asked
  const { status, bytes, range } = report
  if (status !== 200 && status !== 206) return { start: asked.start, end: asked.start }
  // a 200 in answer to a range holds the whole: nginx saw another validator
  const sent = status === 206 ? (range ?? asked) : { start: 0, end: size }
  return { start: sent.start, end: Math.min(sent.start + bytes, sent.end, size) }
}
