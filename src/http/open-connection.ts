import type { Grant } from '../link/grant.ts'
import type { EndedBy } from '../record/access-record.ts'
import type { LiveConnection, LiveDownloads } from '../record/live-downloads.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { TrackedDownload } from '../state/link-state.ts'
import type { Exchange } from './exchange.ts'
import { revocable } from './history.ts'

/** Shows a connection and its download to those who watch, and lets go of both when it closes. */
export function watch(
  exchange: Exchange,
  live: LiveDownloads,
  { context, grant }: { readonly context: RequestContext; readonly grant: Grant },
  download: TrackedDownload,
  size: number,
): TrackedDownload {
  exchange.holdUntilClosed(() => {
    download.leave()
  })
  const coverage = coverageOf(download)
  exchange.coverage = coverage
  const connection = new OpenConnection(exchange)
  const { linkId, kid, subject, tag, issuedAt } = revocable(grant)
  const leave = live.join(
    {
      key: download.text,
      linkId,
      kid,
      scheme: grant.scheme,
      subject,
      tag,
      issuedAt,
      path: context.path,
      client: context.client?.text ?? 'unknown',
      size,
    },
    connection,
    exchange.startedAt,
    coverage,
  )
  exchange.holdUntilClosed(() => {
    leave()
    connection.forget()
  })
  return download
}

/**
 * The connection of an exchange, for those who watch downloads. It forgets the exchange when it leaves:
 * the table behind a Set outlives its entries for a while, and would keep the response with them, 6 kB a
 * request that survive the young collections.
 */
class OpenConnection implements LiveConnection {
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
function coverageOf(download: TrackedDownload): () => number {
  return () => download.coverage
}
