import type { Cancellation } from '../base/cancellation.ts'
import type { ByteSink, Transfer } from '../base/byte-sink.ts'
import type { EpochSeconds } from '../base/clock.ts'
import type { Presigner } from './presign.ts'

/** One place where objects live. */
export interface Origin {
  readonly kind: string
  /** Finds an object. A missing object is a state; only a broken origin throws (`GatewayError`). */
  open(request: ObjectRequest): Promise<OpenObject | MissingObject>
  /** Where clients can be sent to the place itself: what makes them links to it. */
  readonly presigner?: Presigner | undefined
  /** Gives back pooled connections. */
  close(): void
}

export interface ObjectRequest {
  /** The canonical, percent-decoded name below the origin's root: `a/b.mp4`. Never empty, no dot segments. */
  readonly name: string
  /** `metadata` when no byte will be read (HEAD), `body` when some will. */
  readonly want: 'metadata' | 'body'
  /** The one range that will be read when it is known beforehand: a hint that saves a request. */
  readonly range?: RangeHint | undefined
  /** Ends the search when the client is gone. */
  readonly signal?: Cancellation | undefined
}

/** `bytes=first-last`, `bytes=first-` or `bytes=-suffix` (RFC 9110 section 14.1.2). */
export type RangeHint =
  { readonly first: number; readonly last: number | undefined } | { readonly suffix: number }

export interface MissingObject {
  readonly state: 'missing'
}

export interface OpenObject {
  readonly state: 'found'
  readonly meta: ObjectMeta
  /**
   * Sends the bytes from `start` up to, not including, `end`. With an unknown size: 0 and Infinity.
   * One transfer at a time; a further one may follow the end of the last (multipart ranges).
   */
  send(start: number, end: number, sink: ByteSink): Transfer
  /** Gives back what is held (file descriptor, connection). Safe to call twice. */
  close(): void
}

/** What an origin says of an object. */
export interface ObjectMeta {
  /** Bytes; undefined when the origin does not say. */
  readonly size: number | undefined
  /** The entity tag as in the ETag field: quoted, with `W/` in front when weak. */
  readonly etag: string | undefined
  readonly lastModified: EpochSeconds | undefined
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly contentLanguage: string | undefined
}
