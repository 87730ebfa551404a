import type { EpochSeconds } from '../base/clock.ts'
import { contentTypeFor } from '../delivery/response-headers.ts'
import { whyUntaggable } from '../tag/carriers.ts'
import { TAG_SCHEME } from '../tag/tag.ts'
import type { LinkDesk } from './link-desk.ts'

/**
 * Why a download of this path could carry no tag, as far as its extension and the keys tell. A prefix,
 * which ends in a slash, opens files of any type: each is judged when it is delivered.
 */
export function untaggable(
  { keys }: LinkDesk,
  path: string,
  now: EpochSeconds,
): string | undefined {
  if (!keys.signer(TAG_SCHEME, now)) return `there is no active key for ${TAG_SCHEME}`
  return path.endsWith('/') ? undefined : whyUntaggable(contentTypeFor(path))
}
