import type { CopyProgress } from '../../base/byte-sink.ts'

/** A socket that somebody else reads in place of its connection. */
export class Loan {
  readonly #progress: CopyProgress
  #moved = 0

  constructor(progress: CopyProgress) {
    this.#progress = progress
  }

  /** Whether the origin sent nothing since the last look; a borrower that waits for its own client is no silence of the origin. */
  isSilent(): boolean {
    const { moved, isWaitingForSource } = this.#progress
    const isSilent = isWaitingForSource && moved === this.#moved
    this.#moved = moved
    return isSilent
  }
}
