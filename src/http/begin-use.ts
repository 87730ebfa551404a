import type { Refusal } from '../base/refusal.ts'
import type { ByteRange } from '../delivery/byte-range.ts'
import type { Grant } from '../link/grant.ts'
import { countedKeys, countsUses } from '../policy/anti-fraud.ts'
import type { Policy } from '../policy/policy.ts'
import { isPinnedHere } from '../policy/rules/address.ts'
import { isNotShared } from '../policy/rules/sharing.ts'
import { sightingOf } from '../policy/sharing/sighting-of.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { DownloadUse, LinkSession, LinkState, TrackedDownload } from '../state/link-state.ts'
import { checkUses, downloadKey, isPinnedByUse, keepUntil, useTerms } from './admission.ts'
import { type Revocations, SessionHistory } from './history.ts'
import { type RevocableHistory, revokeIfShared } from './sharing.ts'

/** Whether a download that begins may take its place among those who use the link. */
export type UseAdmission =
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
  | {
      readonly outcome: 'begun'
      readonly download: TrackedDownload
      /** Why the download is slowed; it then takes no place. */
      readonly slowed: Refusal | undefined
    }

/** An object as its origin gives it. */
interface ObjectIdentity {
  readonly etag: string
  readonly size: number
}

interface UseServices {
  readonly links: LinkState
  readonly revocations: RevocableHistory['revocations'] & Revocations
}

/**
 * Begins a download and counts it. Three rules are asked once more: between their answer and now others may
 * have begun, and the last place goes to one of them. The uses are asked of who says which ranges follow.
 */
export function beginUse(
  { links, revocations }: UseServices,
  session: LinkSession,
  context: RequestContext,
  grant: Grant,
  policy: Policy,
  object: ObjectIdentity,
  ranges?: readonly ByteRange[],
): UseAdmission | Promise<UseAdmission> {
  const counts = countsUses(grant, policy)
  const { windowSeconds } = policy.antiFraud.sharing
  let slowed: Refusal | undefined
  const use: DownloadUse = {
    key: downloadKey(grant, context),
    etag: object.etag,
    size: object.size,
    now: context.now,
    expires: keepUntil(grant, context.now, policy),
    uses: useTerms(grant, policy),
    mayResume: context.headers.range !== undefined,
    pin: isPinnedByUse(grant, policy) ? context.client : undefined,
    sighting: counts ? sightingOf(context, policy) : undefined,
    counted: counts ? countedKeys(grant, policy).map(({ key }) => ({ key, windowSeconds })) : [],
    judge(now) {
      const history = new SessionHistory(revocations, now)
      const elsewhere = movedAway(grant, context, policy, history)
      if (elsewhere) return { outcome: 'refused', refusal: elsewhere }
      const full = ranges && checkUses(now, grant, context, policy, object, ranges)
      if (full && policy.uses.enforcement === 'enforce') {
        return { outcome: 'refused', refusal: full }
      }
      const enforcement = isNotShared.enforcement(policy)
      if (!counts || enforcement === 'observe') return COUNTED
      const late = isNotShared.check(grant, context, policy, history)
      if (!late) return COUNTED
      if (enforcement === 'slow') {
        slowed = late
        return { outcome: 'uncounted' }
      }
      revokeIfShared({ history, revocations }, late, context, grant, policy)
      return { outcome: 'refused', refusal: late }
    },
  }
  const begun = links.begin(session, use)
  if (begun instanceof Promise) return begun.then((later) => withSlowed(later))
  return withSlowed(begun)

  function withSlowed(result: Awaited<typeof begun>): UseAdmission {
    if (result.outcome === 'refused') return result
    return { outcome: 'begun', download: result.download, slowed }
  }
}

const COUNTED = { outcome: 'counted' } as const

/** Somebody else's download pinned the link in the meantime. */
function movedAway(
  grant: Grant,
  context: RequestContext,
  policy: Policy,
  history: SessionHistory,
): Refusal | undefined {
  if (!isPinnedByUse(grant, policy) || policy.address.enforcement !== 'enforce') return undefined
  return isPinnedHere.check(grant, context, policy, history)
}
