import type { GatewayError } from '../../base/failure.ts'
import type { HttpResponse } from './http-response.ts'

/** The request that a connection carries, until its response head is there. */
export interface Exchange {
  /** The whole request, as Latin-1 text. */
  readonly text: string
  readonly isHead: boolean
  onResponse(response: HttpResponse): void
  /** `isStale`: a reused connection was gone before the origin could have answered. */
  onFailure(error: GatewayError, isStale: boolean): void
}
