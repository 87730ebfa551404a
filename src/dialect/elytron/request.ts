import type { Asset } from '../../catalogue/catalogue.ts'
import type { ApiClientEntry } from '../../config/clients.ts'
import type { ApiText } from '../../http/api.ts'
import { mayUse } from '../clients.ts'
import type { DialectCall } from '../dialect.ts'
import { readQuery, unknownParameter } from '../query.ts'
import type { DialectServices } from '../services.ts'
import { invalidRequest, UNAUTHORIZED, VIDEO_NOT_FOUND } from './errors.ts'

export interface ElytronRequest {
  readonly client: ApiClientEntry
  readonly query: ReadonlyMap<string, string>
  readonly asset: Asset
}

/** Who asks, how, and for which video; or the error that says what is wrong with it. */
export async function readRequest(
  services: DialectServices,
  { context, parameters }: DialectCall,
  known: readonly string[],
): Promise<ElytronRequest | ApiText> {
  const client = services.clients.byToken(context.headers.authorization)
  if (!client) return UNAUTHORIZED
  const { id: kid } = client
  if (!mayUse(client, 'elytron')) return { ...UNAUTHORIZED, kid }
  const query = readQuery(context.target.rawQuery)
  if (!query) return { ...invalidRequest('The query is broken or names a parameter twice'), kid }
  if (unknownParameter(query, known, services.isIgnoredParameter) !== undefined) {
    return { ...invalidRequest('The query has an unknown parameter'), kid }
  }
  const asset = await services.catalogue.asset(parameters['id'] ?? '')
  // an archive has no object of its own
  return asset && !asset.members ? { client, query, asset } : { ...VIDEO_NOT_FOUND, kid }
}
