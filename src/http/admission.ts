import { clientKey } from '../base/address.ts'
import type { EpochSeconds } from '../base/clock.ts'
import { refuse, type Refusal } from '../base/refusal.ts'
import type { LeaseLimit } from '../lease/lease.ts'
import type { Grant } from '../link/grant.ts'
import { MAX_AHEAD_SECONDS } from '../link/scheme.ts'
import { countedKeys, countsUses } from '../policy/anti-fraud.ts'
import { maxUses } from '../policy/limits.ts'
import type { Policy } from '../policy/policy.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { ByteRange } from '../delivery/byte-range.ts'
import type { DownloadKey, UseTerms } from '../state/download-ledger.ts'
import type { LinkQuestion, LinkSession } from '../state/link-state.ts'

/** Which download a request belongs to. */
export function downloadKey(grant: Grant, context: RequestContext): DownloadKey {
  const client = context.client ? clientKey(context.client) : 'unknown'
  return { link: grant.countKey, object: context.path, client }
}

/** What must be known before a request is judged, and the place that it needs. */
export function questionOf(grant: Grant, context: RequestContext, policy: Policy): LinkQuestion {
  const { method, headers, now } = context
  const download = downloadKey(grant, context)
  const uses = useTerms(grant, policy)
  const after = now - policy.antiFraud.sharing.windowSeconds
  return {
    download,
    now,
    place:
      method === 'GET'
        ? {
            maxConnections: policy.parallel.connectionsPerDownload,
            limits: limitsOf(grant, download.client, policy),
          }
        : undefined,
    uses,
    wantsFirstAddress: isPinnedByUse(grant, policy),
    wantsDownload: uses !== undefined || (headers.range !== undefined && now >= grant.validUntil),
    sightings: countsUses(grant, policy)
      ? countedKeys(grant, policy).map(({ key }) => ({ key, after }))
      : NONE,
  }
}

const NONE: LinkQuestion['sightings'] = []

/** Whether the first download decides where a link may be used from. */
export function isPinnedByUse(grant: Grant, policy: Policy): boolean {
  return policy.address.pin === 'first-use' && !grant.constraints.ip
}

export function useTerms(grant: Grant, policy: Policy): UseTerms | undefined {
  const max = maxUses(grant, policy)
  return max === undefined ? undefined : { max, coverage: policy.uses.coverage }
}

/** Why a connection has no place; undefined when it has one, or needs none. */
export function placeRefusal({ place }: LinkSession): Refusal | undefined {
  if (place.outcome !== 'refused') return undefined
  return place.by === 'downloads'
    ? refuse('too_many_downloads', `${place.limit} downloads are open`)
    : refuse('too_many_connections', `${place.limit} connections are open`)
}

/** The link's own limit counts by link; the policy's by what the policy names. */
function limitsOf(grant: Grant, client: string, policy: Policy): LeaseLimit[] {
  const limits: LeaseLimit[] = []
  const { max_parallel_downloads, subject } = grant.constraints
  const { maxDownloads, countBy } = policy.parallel
  if (max_parallel_downloads !== undefined) {
    limits.push({ key: `link ${grant.countKey}`, max: max_parallel_downloads })
  }
  if (maxDownloads !== undefined) limits.push({ key: countedKey(), max: maxDownloads })
  return limits

  function countedKey(): string {
    if (countBy === 'address') return `address ${client}`
    // who has no name is counted by link
    if (countBy === 'subject' && subject !== undefined) return `subject ${subject}`
    return `by-policy ${grant.countKey}`
  }
}

/**
 * Whether the uses of a link leave room for this request. A use is spent by coverage of unique bytes; a
 * download whose use is spent may still fetch what it lacks, with an overlap as small as the rest that
 * coverage leaves out. Open downloads of others hold their use for as long as they are open.
 */
export function checkUses(
  session: Pick<LinkSession, 'known' | 'spent' | 'reserved'>,
  grant: Grant,
  context: RequestContext,
  policy: Policy,
  object: { readonly etag: string; readonly size: number },
  ranges: readonly ByteRange[],
): Refusal | undefined {
  const max = maxUses(grant, policy)
  if (max === undefined) return undefined
  const { known, spent } = session
  if (known?.used && known.etag === object.etag && known.size === object.size) {
    const asked = ranges.reduce((sum, range) => sum + range.end - range.start, 0)
    const again = ranges.reduce((sum, r) => sum + known.intervals.overlap(r.start, r.end), 0)
    if (again < asked && again <= object.size - object.size * policy.uses.coverage) return undefined
  }
  if (spent >= max) return refuse('link_used', `${spent} of ${max} uses are spent`)
  const reserved = context.method === 'HEAD' ? 0 : session.reserved
  return spent + reserved < max
    ? undefined
    : refuse('too_many_downloads', `${reserved} open downloads hold the last uses`)
}

/** Until when a link can still mean anything: its end, leeway and grace; of one without end, ten years. */
export function keepUntil(grant: Grant, now: EpochSeconds, policy: Policy): EpochSeconds {
  const end = Math.min(grant.validUntil, now + MAX_AHEAD_SECONDS)
  return end + policy.leeway.expirySeconds + policy.resume.graceSeconds
}
