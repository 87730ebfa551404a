import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { Key, KeyRing } from '../key-ring.ts'

/** More secrets than this are not tried: each costs a digest, and anybody can send links. */
const MAX_TRIED = 16

/** The secret of a scheme whose signature a link carries, for formats whose links name no key. */
export function matchingKey(
  keys: KeyRing,
  scheme: string,
  now: EpochSeconds,
  isSignedBy: (key: Key) => boolean,
): Key | Refusal {
  const secrets = keys.all(scheme, now).filter(({ verifyKey }) => verifyKey.type === 'secret')
  if (secrets.length === 0) return refuse('link_key_unknown', `there is no secret for ${scheme}`)
  return (
    secrets.slice(0, MAX_TRIED).find(isSignedBy) ??
    refuse('link_signature_wrong', 'no secret makes this signature')
  )
}
