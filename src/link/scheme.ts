import type { EpochSeconds } from '../base/clock.ts'
import { refuse, type ReasonCode, type Refusal } from '../base/refusal.ts'
import type { RequestContext, Site } from '../request/request-context.ts'
import type { ConstraintName, Constraints } from './constraints.ts'
import type { Grant, ResponseOverrides } from './grant.ts'
import type { Key, KeyRing } from './key-ring.ts'

/**
 * Where in a request a link was found, and everything that `verify` reads of the request besides the
 * time: a verified link is remembered under this text.
 */
export interface Carrier {
  readonly place: 'query' | 'path' | 'cookie' | 'header'
  readonly text: string
}

export type Found =
  | { readonly outcome: 'absent' }
  | {
      readonly outcome: 'found'
      readonly carrier: Carrier
      /** Only a name that other formats use as well speaks for it: a sure link of another one wins. */
      readonly isWeak?: boolean
    }
  /** Carriers that contradict each other, or parameters that may not stand beside one. */
  | { readonly outcome: 'refused'; readonly refusal: Refusal }

export const ABSENT: Found = { outcome: 'absent' }

/** "Not my kind of link" is not a refusal. */
export type Verification =
  | { readonly outcome: 'absent' }
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
  | { readonly outcome: 'granted'; readonly grant: Grant }

export type Verified = Exclude<Verification, { readonly outcome: 'absent' }>

/** Ten years. An expiry further ahead is taken for milliseconds that were meant to be seconds. */
export const MAX_AHEAD_SECONDS = 10 * 365 * 86_400

/** What a new link shall say. */
export interface LinkRequest {
  /** Percent-encoded as in the URL; a prefix ends in `/*`. */
  readonly path: string
  readonly expiresAt: EpochSeconds
  readonly constraints: Constraints
  /** What clients call, for formats that sign it. */
  readonly site: Site
  /** For formats that sign the method; default: GET. */
  readonly method?: 'GET' | 'HEAD'
  /** Headers of the answer, for formats that set them. */
  readonly response?: Pick<ResponseOverrides, 'contentDisposition' | 'contentType'>
}

/** A signed link without scheme and host, and what else a client has to send. */
export interface SignedLink {
  readonly target: string
  readonly cookies?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

/** A name that may speak for a link of a scheme. Who has no such name in a request is not asked. */
export type Trigger =
  | { readonly place: 'query' | 'cookie' | 'header'; readonly name: string }
  /** A text that stands in every raw path with such a link. */
  | { readonly place: 'path'; readonly text: string }
  /** Asked for every request: what speaks for the link is the shape of its path or query. */
  | { readonly place: 'shape' }

/** One link format. */
export interface Scheme {
  readonly name: string
  readonly triggers: readonly Trigger[]
  /** The constraints that its links can say. Minting refuses others by name. */
  readonly expresses: ReadonlySet<ConstraintName>
  /** Whether one link can open everything below a prefix. */
  readonly signsPrefixes: boolean
  /** The method is part of what is signed; links of other formats are for GET and HEAD. */
  readonly signsMethod?: true
  /** Links can set headers of the answer. */
  readonly setsResponse?: true
  /** Whether new links may be signed with a key that verifies some of them. Default: with each. */
  signsWith?(key: Key): boolean
  /** The raw path of the object, where the raw path of a request carries a token; else undefined. */
  cutPath?(rawPath: string): string | undefined
  /** Whether a request carries a link of this format, by the names and shapes of its carriers alone. Cheap. */
  find(context: RequestContext): Found
  /**
   * Checks signature and form of a carrier. What depends on the time, the client or a count is policy;
   * of the context it reads only what stands in the carrier's text.
   */
  verify(carrier: Carrier, keys: KeyRing, context: RequestContext): Verified
  /**
   * Signs through the canonical form that `verify` reads. What it cannot express is refused. `keys` are
   * for formats that sign with more than one.
   */
  sign(request: LinkRequest, key: Key, keys?: KeyRing): SignedLink | Refusal
  /** The exact text that is signed, for people who look for the first difference. */
  canonicalText(carrier: Carrier, context: RequestContext): string | undefined
}

export function found(place: Carrier['place'], text: string): Found {
  return { outcome: 'found', carrier: { place, text } }
}

export function refused(
  reason: ReasonCode,
  detail: string,
): { readonly outcome: 'refused'; readonly refusal: Refusal } {
  return { outcome: 'refused', refusal: refuse(reason, detail) }
}

export function malformed(detail: string): ReturnType<typeof refused> {
  return refused('link_malformed', detail)
}
