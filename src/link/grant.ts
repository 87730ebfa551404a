import type { EpochSeconds } from '../base/clock.ts'
import type { Constraints } from './constraints.ts'
import type { KeyIdentity } from './key-ring.ts'

/** What may be fetched: one path, or everything below a prefix that ends in a slash. */
export interface Resource {
  readonly kind: 'exact' | 'prefix'
  /** Percent-decoded once, as `CanonicalPath` is. */
  readonly path: string
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
  /** Exclusive: valid while `now < validUntil`, before leeway. */
  readonly validUntil: EpochSeconds
  readonly constraints: Constraints
}

export function covers(resource: Resource, path: string): boolean {
  return resource.kind === 'exact' ? resource.path === path : path.startsWith(resource.path)
}
