import { messageOf } from './failure.ts'

/** Why a fetch has no answer. `fetch failed` says nothing; its cause does. No URL is in either. */
export function fetchFault(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return messageOf(error)
  if (error.name === 'TimeoutError') return `no whole answer within ${timeoutMs / 1000} s`
  return error.cause === undefined ? error.message : messageOf(error.cause)
}
