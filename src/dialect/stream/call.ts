import type { Asset } from '../../catalogue/catalogue.ts'
import type { ApiAnswer, ApiText } from '../../http/api.ts'
import { mayUse } from '../clients.ts'
import type { DialectCall, DialectEndpoint } from '../dialect.ts'
import { readQuery, unknownParameter } from '../query.ts'
import type { DialectServices } from '../services.ts'
import { failure, failureReply } from './envelope.ts'

/** Where the API lies: as on Cloudflare's host, and as people write it behind a base URL of their own. */
const BASES = ['/client/v4/accounts/{account}', '/accounts/{account}']

const AUTHENTICATION_ERROR = 'Authentication error'

/** One operation of the API, below an account. */
export interface StreamOperation extends Pick<
  DialectEndpoint,
  'method' | 'summary' | 'description' | 'body' | 'replies'
> {
  /** Below the account: `/stream/{id}/downloads`. */
  readonly path: string
  readonly answer: (call: DialectCall, kid: string) => Promise<ApiAnswer>
}

/** Whether a path belongs to the API itself, not to the files that it hands out. */
export function isApiPath(path: string): boolean {
  return /^(?:\/client\/v4)?\/accounts\//.test(path)
}

/** The endpoints of an operation: both forms of its path, for clients with a token alone. */
export function endpointsOf(
  services: DialectServices,
  operation: StreamOperation,
): DialectEndpoint[] {
  const { path, answer, replies, ...described } = operation
  return BASES.map((base) => ({
    ...described,
    path: base + path,
    credentials: ['bearer'],
    replies: {
      ...replies,
      401: failureReply('Code 10000: the token is missing or unknown.'),
      403: failureReply('Code 10000: the client may not use this API.'),
    },
    handle: async (call) => {
      const caller = authenticate(services, call)
      return 'kind' in caller ? caller : answer(call, caller.id)
    },
  }))
}

function authenticate(
  { clients, isIgnoredParameter }: DialectServices,
  { context }: DialectCall,
): { readonly id: string } | ApiText {
  const client = clients.byToken(context.headers.authorization)
  if (!client) {
    const headers = ['WWW-Authenticate', 'Bearer realm="sluice"']
    return failure(401, AUTHENTICATION_ERROR, { headers })
  }
  const { id } = client
  if (!mayUse(client, 'stream')) return failure(403, AUTHENTICATION_ERROR, { kid: id })
  const query = readQuery(context.target.rawQuery)
  if (!query || unknownParameter(query, [], isIgnoredParameter) !== undefined) {
    return failure(400, 'Bad Request: the call takes no query parameters', { kid: id })
  }
  return { id }
}

/** The video of a call, or the error that says that there is none. An archive is no video. */
export async function findVideo(
  { catalogue }: DialectServices,
  { parameters }: DialectCall,
  kid: string,
): Promise<Asset | ApiText> {
  const asset = await catalogue.asset(parameters['id'] ?? '')
  return asset && !asset.members ? asset : failure(404, 'Not Found', { kid })
}
