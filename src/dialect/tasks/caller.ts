import type { ApiText } from '../../http/api.ts'
import { mayUse } from '../clients.ts'
import type { DialectCall } from '../dialect.ts'
import { readQuery, unknownParameter } from '../query.ts'
import type { DialectServices } from '../services.ts'
import { faulty, SCOPE_MISSING, TOKEN_INVALID, TOKEN_MISSING } from './errors.ts'

/** Who calls where no token is needed. */
const ANYONE = 'anyone'

/** Lets a call in that has the right to be made and no query; returns the id of its client. */
export function admit(
  { clients, isIgnoredParameter }: DialectServices,
  { context }: DialectCall,
  requireToken: boolean,
): string | ApiText {
  const { authorization } = context.headers
  const client = clients.byToken(authorization)
  if (requireToken) {
    if (!client) return authorization === undefined ? TOKEN_MISSING : TOKEN_INVALID
    if (!mayUse(client, 'tasks')) return { ...SCOPE_MISSING, kid: client.id }
  }
  const query = readQuery(context.target.rawQuery)
  const unknown = query ? unknownParameter(query, [], isIgnoredParameter) : ''
  if (unknown === undefined) return client?.id ?? ANYONE
  const msg = query ? 'Extra inputs are not permitted' : 'The query is not valid'
  const loc = query ? ['query', unknown] : ['query']
  return faulty({ type: query ? 'extra_forbidden' : 'value_error', loc, msg })
}
