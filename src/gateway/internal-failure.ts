import { messageOf } from '../base/failure.ts'

/** Tells operators what went wrong inside; clients learn the id of the request alone. */
export function tellingFailuresTo(
  log: (level: 'error', message: string) => void,
): (error: Error, requestId: string) => void {
  return (error, requestId) => {
    const { cause } = error
    log('error', `request ${requestId}: ${cause instanceof Error ? cause.stack : messageOf(error)}`)
  }
}
