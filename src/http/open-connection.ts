import type { EndedBy } from '../record/access-record.ts'
import type { LiveConnection } from '../record/live-downloads.ts'
import type { TrackedDownload } from '../state/link-state.ts'
import type { Exchange } from './exchange.ts'

/**
 * The connection of an exchange, for those who watch downloads. It forgets the exchange when it leaves:
 * the table behind a Set outlives its entries for a while, and would keep the response with them, 6 kB a
 * request that survive the young collections.
 */
export class OpenConnection implements LiveConnection {
  #exchange: Exchange | undefined

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  get bytes(): number {
    const exchange = this.#exchange
    return exchange ? exchange.bytes + (exchange.stretch?.unreported ?? 0) : 0
  }

  end(by: EndedBy, detail: string): void {
    this.#exchange?.cut(by, 'ended', detail)
  }

  forget(): void {
    this.#exchange = undefined
  }
}

/** Made here, where no exchange is in sight for the function to hold. */
export function coverageOf(download: TrackedDownload): () => number {
  return () => download.coverage
}
