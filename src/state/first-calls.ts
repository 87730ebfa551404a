import type { EpochSeconds } from '../base/clock.ts'

/** When signed calls that may count only once came first: a repeat is known for what it is. */
export interface FirstCalls {
  /**
   * When the call came first, which may be now. From `expires` on it is refused whatever came before, so
   * nobody needs to know; a call that says no end is kept without end.
   */
  at(call: string, now: EpochSeconds, expires: EpochSeconds | undefined): Promise<EpochSeconds>
}
