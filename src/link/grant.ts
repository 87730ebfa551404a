import { digestText, shortDigest } from '../base/bytes.ts'
import type { EpochSeconds } from '../base/clock.ts'
import type { Refusal } from '../base/refusal.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { Constraints } from './constraints.ts'
import type { KeyIdentity } from './key-ring.ts'

/**
 * What may be fetched: one path, everything below a prefix (any path that begins with it), or what a
 * format's own patterns say of a request.
 */
export type Resource =
  /** Percent-decoded once, as `CanonicalPath` is. */
  | { readonly kind: 'exact' | 'prefix'; readonly path: string }
  | {
      readonly kind: 'pattern'
      /** For people: what the link says. */
      readonly text: string
      covers(context: RequestContext): boolean
    }

/** Something that a format says of requests and that no native constraint expresses. */
export interface Condition {
  /** For the trace of inspect: `method`, `header x-tier`. */
  readonly name: string
  check(context: RequestContext): Refusal | undefined
}

/** Headers of the answer that the link itself sets (S3's `response-*`, Azure's `rsc*`). */
export interface ResponseOverrides {
  readonly contentDisposition?: string
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly contentLanguage?: string
  readonly cacheControl?: string
  readonly expires?: string
}

/** What a link proves once its signature held, or what an API lets its client do. */
export interface Grant {
  readonly scheme: string
  readonly key: KeyIdentity
  /** `jti`, or the first 12 hex digits of the SHA-256 of what was signed: how records and revocations name it. */
  readonly linkId: string
  /** What limits of a link are counted by: unique to key and link. */
  readonly countKey: string
  readonly resource: Resource
  /** Exclusive: valid while `now < validUntil`, before leeway. Infinity: never expires. */
  readonly validUntil: EpochSeconds
  readonly constraints: Constraints
  readonly conditions?: readonly Condition[]
  readonly response?: ResponseOverrides
  /** Headers of the answer that renew the link while it is used: names and values in turn. */
  renew?(context: RequestContext): readonly string[]
}

/** The resource as people write it. */
export function describeResource(resource: Resource): string {
  if (resource.kind === 'pattern') return resource.text
  return resource.kind === 'prefix' ? `${resource.path}*` : resource.path
}

export function covers(resource: Resource, context: RequestContext): boolean {
  switch (resource.kind) {
    case 'exact':
      return resource.path === context.path
    case 'prefix':
      return context.path.startsWith(resource.path)
    case 'pattern':
      return resource.covers(context)
    default:
      return resource satisfies never
  }
}

/** How a link is named and counted: by its own id, or by the digest of the text that was signed. */
export function identify(
  key: KeyIdentity,
  jti: string | undefined,
  signed: string,
): Pick<Grant, 'linkId' | 'countKey'> {
  return jti === undefined
    ? { linkId: shortDigest(signed), countKey: digestText(signed) }
    : { linkId: jti, countKey: `${key.kid}/${jti}` }
}
