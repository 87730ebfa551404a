import type { GatewayError } from './failure.ts'

/** Where the bytes of a body go: the client's connection, or a test. */
export interface ByteSink {
  /**
   * Takes a chunk. `true`: the chunk was copied or written, its memory may be reused at once. `false`:
   * the memory stays in use and nothing more may be written until `Transfer.resume` is called.
   */
  write(chunk: Uint8Array): boolean
  /** Every byte of the transfer was written. */
  end(): void
  /** The source broke before its last byte. Nothing follows. */
  fail(error: GatewayError): void
}

/** A running copy from a source into a `ByteSink`. */
export interface Transfer {
  /** The sink took the chunk it had refused; go on. */
  resume(): void
  /** Stop. The sink is not called again. Safe to call twice and after the end. */
  abort(): void
  /**
   * Instead of `resume`: hands over the descriptor that the next bytes come from, so that they need not
   * pass through this process. Undefined when bytes lie elsewhere just now; then `resume` is still due.
   */
  lend?(progress: CopyProgress): LentSource | undefined
}

/** A descriptor whose owner stands still until it gets it back. */
export interface LentSource {
  readonly fd: number
  readonly isSocket: boolean
  /** Where the next byte lies in a file. */
  readonly offset: number
  /** Bytes that may be moved: at most those up to the end of the transfer. */
  readonly length: number
  /** The first `bytes` were moved. The transfer ends, or goes on behind them as if resumed. */
  giveBack(bytes: number): void
}

/** How far a copy has come that runs outside of this thread. */
export interface CopyProgress {
  /** Bytes so far. */
  readonly moved: number
  /** It stands still because the source has no bytes. */
  readonly isWaitingForSource: boolean
}
