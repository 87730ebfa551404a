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
}
