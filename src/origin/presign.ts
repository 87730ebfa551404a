import type { EpochSeconds } from '../base/clock.ts'

/** What a client shall fetch straight from the place where an object lies. */
export interface PresignRequest {
  /** As in an `ObjectRequest`: canonical, percent-decoded, below the origin's root. */
  readonly name: string
  readonly method: 'GET' | 'HEAD'
  readonly now: EpochSeconds
  /** A whole second after `now`; a format that writes minutes, or that allows less, ends earlier. */
  readonly expiresAt: EpochSeconds
  /** Fields of the answer that the link sets, where its format can: plain field values. */
  readonly response?: PresignedResponse | undefined
}

export interface PresignedResponse {
  readonly contentDisposition?: string | undefined
  readonly contentType?: string | undefined
}

/** Makes links that open one object at its own place, for as long as they say. */
export interface Presigner {
  /**
   * An absolute URL; undefined for a name that no URL can carry. Rejects with a `GatewayError` when there
   * is no key or credential to sign with now.
   */
  presign(request: PresignRequest): Promise<string | undefined>
}
