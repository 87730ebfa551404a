import { createHmac } from 'node:crypto'
import { equalBytes } from '../../base/bytes.ts'
import type { ApiClientEntry } from '../../config/clients.ts'
import { decodeValue, parameterIndex, rawParameters } from '../../link/raw-query.ts'
import type { RequestContext } from '../../request/request-context.ts'
import type { RequestTarget } from '../../request/request-target.ts'
import { type ApiClients, mayUse } from '../clients.ts'

/** Who calls, as far as that is proven. */
export interface Caller {
  readonly client: ApiClientEntry
  /** The parameters of the call: without the signature. */
  readonly rawQuery: string | undefined
  /** The path and query that the client signed; undefined for a call with a token alone. */
  readonly signed: string | undefined
}

/** Xvid's own name of the scope stands beside ours. */
const SCOPES = ['xvid', 'mediahub_download_files']
const SIGNATURE = 'signature='

/**
 * The client of a call by Bearer token or by HMAC. Whatever credential is there must hold, and two must
 * be of one client. Undefined is one answer for all that can be wrong.
 */
export function findCaller(
  { headers, target }: RequestContext,
  clients: ApiClients,
): Caller | undefined {
  const isSigned = parameterIndex(target.rawQuery ?? '', 'signature') >= 0
  const signed = isSigned ? signedCaller(target, clients) : undefined
  const holder = clients.byToken(headers.authorization)
  if (isSigned && !signed) return undefined
  if (headers.authorization !== undefined && !holder) return undefined
  if (signed && holder && signed.client.id !== holder.id) return undefined
  const caller = signed ?? (holder && { client: holder, rawQuery: target.rawQuery, signed })
  return caller && mayUse(caller.client, ...SCOPES) ? caller : undefined
}

/**
 * The hex HMAC-SHA256 of the raw path and query up to `&signature=`, keyed with the secret of
 * `client_id`. The signature comes last, so nothing in the call stands outside of it.
 */
function signedCaller(
  { rawPath, rawQuery = '' }: RequestTarget,
  clients: ApiClients,
): Caller | undefined {
  const at = parameterIndex(rawQuery, 'signature')
  const digits = rawQuery.slice(at + SIGNATURE.length)
  if (at < 1 || !/^[0-9a-f]{64}$/i.test(digits)) return undefined
  const query = rawQuery.slice(0, at - 1)
  const [id, ...others] = rawParameters(query).filter(({ name }) => name === 'client_id')
  if (!id || others.length > 0) return undefined
  const client = clients.byId(decodeValue(id.value) ?? '')
  if (!client?.secret) return undefined
  const signed = `${rawPath}?${query}`
  // latin1 gives back the very bytes of the request line
  const expected = createHmac('sha256', client.secret).update(signed, 'latin1').digest()
  return equalBytes(Buffer.from(digits, 'hex'), expected)
    ? { client, rawQuery: query, signed }
    : undefined
}
