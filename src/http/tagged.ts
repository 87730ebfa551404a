import type { Cancellation } from '../base/cancellation.ts'
import type { Refusal } from '../base/refusal.ts'
import { contentTypeFor } from '../delivery/response-headers.ts'
import type { Grant } from '../link/grant.ts'
import type { OpenObject } from '../origin/origin.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { Tag } from '../tag/tag.ts'
import type { Tagger } from '../tag/tagger.ts'
import type { Route } from './route.ts'

/**
 * The tag that a link asks for. Its time is the link's own, not the request's: all ranges that are
 * fetched with a link must be of the same bytes.
 */
export function tagOf({ linkId, validUntil, constraints }: Grant): Tag | undefined {
  const { autograph_tag, iat, subject } = constraints
  if (autograph_tag === undefined) return undefined
  return { linkId, subject, text: autograph_tag, time: iat ?? validUntil }
}

/** The object with the tag in it, or why it cannot carry one. */
export function withTag(
  tagger: Tagger,
  tag: Tag,
  object: OpenObject,
  found: { context: RequestContext; route: Route; name: string },
  signal: Cancellation,
): Promise<OpenObject | Refusal> {
  const { context, route, name } = found
  return tagger.tag(object, {
    tag,
    origin: route.originName,
    name,
    mediaType: contentTypeFor(name),
    now: context.now,
    signal,
  })
}
