import type { Clock } from '../base/clock.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { catalogueName } from '../catalogue/catalogue-name.ts'
import type { ApisConfig } from '../config/apis-schema.ts'
import type { ApiClientEntry } from '../config/clients.ts'
import { ApiTable } from '../dialect/api-table.ts'
import { ApiClients } from '../dialect/clients.ts'
import type { Dialect } from '../dialect/dialect.ts'
import { elytronDialect } from '../dialect/elytron/elytron.ts'
import { ibmDialect } from '../dialect/ibm/ibm.ts'
import type { DialectServices, FirstCallHistory, StreamKeys } from '../dialect/services.ts'
import { streamDialect } from '../dialect/stream/stream.ts'
import { tasksDialect } from '../dialect/tasks/tasks.ts'
import { xvidDialect } from '../dialect/xvid/xvid.ts'
import type { Route } from '../http/route.ts'
import type { LinkDesk } from '../operator/link-desk.ts'
import { mintLink } from '../operator/mint-link.ts'
import type { RenditionDesk } from '../rendition/rendition-desk.ts'
import { encodePath } from '../request/canonical-path.ts'
import type { TaskDesk } from '../task/task.ts'

/** What the published APIs work with and a reload leaves alone. */
export interface ApiParts {
  readonly config: ApisConfig
  readonly clock: Clock
  readonly catalogue: Catalogue
  readonly renditions: RenditionDesk
  readonly tasks: TaskDesk
  readonly streamKeys: StreamKeys
  readonly firstCalls: FirstCallHistory
}

/** The APIs that the configuration switches on, over the route of the catalogue. */
export function buildApis(
  parts: ApiParts,
  route: Route,
  clients: readonly ApiClientEntry[],
  desk: () => LinkDesk,
): ApiTable {
  const { config } = parts
  const services: DialectServices = {
    ...parts,
    clients: new ApiClients(clients),
    get keys() {
      return desk().keys
    },
    keepSeconds: config.keepSeconds,
    maxLinkSeconds: route.policy.lifetime.maxSeconds,
    isIgnoredParameter: route.policy.isIgnoredParameter,
    get publicUrl() {
      return desk().publicUrl
    },
    assetsPath: route.path,
    mint: ({ asset, format, filename, expiresAt, constraints }) =>
      mintLink(
        desk(),
        {
          ...constraints,
          path: encodePath(route.path + catalogueName(asset, format, filename)),
          scheme: 'sluice-hmac',
          expires_at: expiresAt,
          filename,
        },
        'json',
      ),
  }
  const dialects: Dialect[] = []
  if (config.elytron) dialects.push(elytronDialect(services))
  if (config.xvid) dialects.push(xvidDialect(services))
  if (config.ibm) dialects.push(ibmDialect(services))
  if (config.tasks) dialects.push(tasksDialect(services, config.tasks))
  // last: the addresses of its files begin with any name
  if (config.stream) dialects.push(streamDialect(services))
  return new ApiTable(dialects, route, services.clients)
}
