import type { Grant } from '../../link/grant.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { countedKeys, hasAntiFraud } from '../anti-fraud.ts'
import type { Policy } from '../policy.ts'
import type { LinkHistory } from '../rule.ts'
import { exceededLimit } from './limits.ts'
import { pictureOf } from './picture.ts'
import { sightingOf } from './sighting-of.ts'
import { enoughSignals } from './signals.ts'

/** What speaks for sharing, of the link itself or of all links of its subject. */
export interface SharingFinding {
  readonly of: 'link' | 'subject'
  /** For records. */
  readonly detail: string
}

/** Whether the request would share the link, or its subject, more widely than the policy allows. */
export function findSharing(
  grant: Grant,
  context: RequestContext,
  policy: Policy,
  history: LinkHistory,
): SharingFinding | undefined {
  if (!hasAntiFraud(grant, policy)) return undefined
  const keys = countedKeys(grant, policy)
  if (keys.length === 0) return undefined
  const sighting = sightingOf(context, policy)
  if (!sighting) return { of: 'link', detail: 'the client address is unknown' }
  const { windowSeconds, heuristics } = policy.antiFraud.sharing
  for (const { of, key, limits } of keys) {
    const seen = history.sightings(key)
    const picture = pictureOf(seen, sighting, context.now, windowSeconds)
    const why = exceededLimit(limits, picture) ?? enoughSignals(heuristics, picture, context)
    if (why !== undefined) return { of, detail: of === 'link' ? why : `for the subject: ${why}` }
  }
  return undefined
}
