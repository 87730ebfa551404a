import { EmbeddedLinkState } from '../../src/state/embedded-link-state.ts'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { NetworkSet } from '../../src/base/network-set.ts'
import { KNOWS_NOTHING } from '../../src/geo/network-lookup.ts'
import { DownloadHandler } from '../../src/http/download-handler.ts'
import type { Entrance } from '../../src/http/receive.ts'
import { type Route, RouteTable } from '../../src/http/route.ts'
import { KeyRing } from '../../src/link/key-ring.ts'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { LiveDownloads } from '../../src/record/live-downloads.ts'
import { openMemoryDatabase } from '../../src/state/database.ts'
import { RevocationList } from '../../src/state/revocations.ts'
import { SqliteRevocations } from '../../src/state/sqlite-revocations.ts'
import { Tagger } from '../../src/tag/tagger.ts'
import { FakeClock } from './fake-clock.ts'
import { SITE } from './request-parts.ts'

/** Routes made by hand behind the handler of the public port, with their state in memory. */
export interface HandledRoutes {
  readonly clock: FakeClock
  readonly handler: DownloadHandler
  readonly records: AccessRecord[]
  readonly live: LiveDownloads
  readonly database: ReturnType<typeof openMemoryDatabase>
}

export function handleRoutes(
  routes: readonly Route[],
  entrance: Partial<Entrance> = {},
): HandledRoutes {
  const clock = new FakeClock()
  const records: AccessRecord[] = []
  const database = openMemoryDatabase()
  const revocations = new RevocationList(new SqliteRevocations(database))
  const live = new LiveDownloads()
  const inForce: Entrance = {
    routes: new RouteTable(routes),
    trustedProxies: new NetworkSet([]),
    networks: KNOWS_NOTHING,
    site: SITE,
    jwks: '{}',
    tagger: new Tagger(new KeyRing([])),
    redirectSeconds: 60,
    isOffloadReported: false,
    apis: undefined,
    ...entrance,
  }
  const handler = new DownloadHandler(
    {
      clock,
      links: new EmbeddedLinkState(database, clock),
      revocations,
      live,
      records: { write: (record) => records.push(record) },
      onInternalFailure: (error) => {
        throw error
      },
    },
    () => inForce,
  )
  return { clock, handler, records, live, database }
}

/** Lets a handler answer on a free loopback port. */
export async function listenWith({ handler }: Pick<HandledRoutes, 'handler'>): Promise<{
  readonly host: string
  readonly port: number
  close(): void
}> {
  const server = createServer((request, response) => {
    handler.handle(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
