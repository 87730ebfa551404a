import { clientKey } from '../base/address.ts'
import type { EpochSeconds } from '../base/clock.ts'
import { refuse, type Refusal } from '../base/refusal.ts'
import type { LeaseLimit, LeaseStore } from '../lease/lease.ts'
import type { Grant } from '../link/grant.ts'
import { MAX_AHEAD_SECONDS } from '../link/scheme.ts'
import { maxUses } from '../policy/limits.ts'
import type { Policy } from '../policy/policy.ts'
import type { LinkHistory } from '../policy/rule.ts'
import { isPinnedHere } from '../policy/rules/address.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { ByteRange } from '../delivery/byte-range.ts'
import type { DownloadKey, DownloadLedger } from '../state/download-ledger.ts'

/** What keeps a lease until its request has ended, and the refusal that is only written down. */
export interface LeaseHolder {
  observed: Refusal | undefined
  holdUntilClosed(release: () => void): void
}

/** Which download a request belongs to. */
export function downloadKey(grant: Grant, context: RequestContext): DownloadKey {
  const client = context.client ? clientKey(context.client) : 'unknown'
  return { link: grant.countKey, object: context.path, client }
}

/**
 * Takes a lease for the request's connection. It is given back when the response closes. In observe mode
 * a full limit is written down and the request goes on, uncounted.
 */
export async function takeLease(
  holder: LeaseHolder,
  leases: LeaseStore,
  grant: Grant,
  context: RequestContext,
  policy: Policy,
): Promise<Refusal | undefined> {
  const key = downloadKey(grant, context)
  const outcome = await leases.acquire({
    download: `${key.link}\n${key.object}\n${key.client}`,
    maxConnections: policy.parallel.connectionsPerDownload,
    limits: limitsOf(grant, key.client, policy),
  })
  if (outcome.outcome === 'held') {
    holder.holdUntilClosed(() => {
      outcome.lease.release()
    })
    return undefined
  }
  const refusal =
    outcome.by === 'downloads'
      ? refuse('too_many_downloads', `${outcome.limit} downloads are open`)
      : refuse('too_many_connections', `${outcome.limit} connections are open`)
  if (policy.parallel.enforcement === 'enforce') return refusal
  holder.observed ??= refusal
  return undefined
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
  ledger: DownloadLedger,
  grant: Grant,
  context: RequestContext,
  policy: Policy,
  object: { readonly etag: string; readonly size: number },
  ranges: readonly ByteRange[],
): Refusal | undefined {
  const max = maxUses(grant, policy)
  if (max === undefined) return undefined
  const key = downloadKey(grant, context)
  const known = ledger.find(key)
  if (known?.used && known.etag === object.etag && known.size === object.size) {
    const asked = ranges.reduce((sum, range) => sum + range.end - range.start, 0)
    const again = ranges.reduce((sum, r) => sum + known.intervals.overlap(r.start, r.end), 0)
    if (again < asked && again <= object.size - object.size * policy.uses.coverage) return undefined
  }
  const spent = ledger.spent(grant.countKey)
  if (spent >= max) return refuse('link_used', `${spent} of ${max} uses are spent`)
  const reserved = context.method === 'HEAD' ? 0 : ledger.reserved(grant.countKey, key)
  return spent + reserved < max
    ? undefined
    : refuse('too_many_downloads', `${reserved} open downloads hold the last uses`)
}

/** Pins the link to the first address that downloads, where the policy wants that. */
export function pinAddress(
  { ledger, history }: { readonly ledger: DownloadLedger; readonly history: LinkHistory },
  context: RequestContext,
  grant: Grant,
  policy: Policy,
): Refusal | undefined {
  const { client, now } = context
  if (policy.address.pin !== 'first-use' || grant.constraints.ip || !client) return undefined
  ledger.pin(grant.countKey, client, keepUntil(grant, now, policy))
  const no = isPinnedHere.check(grant, context, policy, history)
  return policy.address.enforcement === 'enforce' ? no : undefined
}

/** Until when a link can still mean anything: its end, leeway and grace; of one without end, ten years. */
export function keepUntil(grant: Grant, now: EpochSeconds, policy: Policy): EpochSeconds {
  const end = Math.min(grant.validUntil, now + MAX_AHEAD_SECONDS)
  return end + policy.leeway.expirySeconds + policy.resume.graceSeconds
}
