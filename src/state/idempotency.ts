import type { EpochSeconds } from '../base/clock.ts'

/** How long an answer is kept for its key. */
export const KEEP_ANSWER_SECONDS = 86_400

export interface KeptAnswer {
  readonly status: number
  readonly body: string
}

/** Answers to requests with an Idempotency-Key, so that a repeat gets the same links. */
export interface IdempotencyStore {
  /** The kept answer; `mismatch` when the key came with another request. */
  find(
    key: string,
    request: string,
    now: EpochSeconds,
  ): Promise<KeptAnswer | 'mismatch' | undefined>
  /** Keeps the answer and gives it back, or gives what was kept first: of two at once one holds. */
  keep(
    key: string,
    request: string,
    answer: KeptAnswer,
    now: EpochSeconds,
  ): Promise<KeptAnswer | 'mismatch'>
}
