import { z } from 'zod'
import type { Asset } from '../../catalogue/catalogue.ts'
import type { ApiClientEntry } from '../../config/clients.ts'
import type { ApiAnswer, ApiText } from '../../http/api.ts'
import { mayUse } from '../clients.ts'
import type { Dialect, DialectCall, DialectEndpoint, DialectReply } from '../dialect.ts'
import { jsonText } from '../json-text.ts'
import type { DialectServices } from '../services.ts'
import { type DownloadableFormat, findDownloadable, requestDownloadable } from './downloadable.ts'
import { errorSchema, INVALID_TOKEN, NOT_FOUND, problemText } from './errors.ts'

const downloadableSchema = z.object({
  downloadable: z.object({
    status: z
      .enum(['available', 'pending', 'unavailable'])
      .describe('`unavailable` until a POST asks for it, and again when it has expired.'),
    download_url: z.url().nullable().describe('Signed; null unless it is available.'),
    expires_at: z
      .int()
      .nullable()
      .describe('Epoch seconds, 24 hours after it became available; null before.'),
  }),
})

/** The API of IBM Video Streaming that makes temporary files of a video for download. */
export function ibmDialect(services: DialectServices): Dialect {
  const shared = {
    path: '/videos/{id}/downloadable/{format}.json',
    credentials: ['bearer'],
    replies: {
      200: { description: 'The state of the version.', schema: downloadableSchema },
      401: error('`invalid_token`: the token is missing, unknown or not for this API.'),
      404: error('`not_found`: no video has this id, or the format is neither mp4 nor flv.'),
      500: error('`internal_error`: the request id leads to the cause.'),
      503: error('`service_unavailable`, with Retry-After.'),
    },
  } as const satisfies Partial<DialectEndpoint>
  return {
    name: 'ibm',
    title: 'IBM Video Streaming',
    endpoints: [
      {
        ...shared,
        method: 'GET',
        summary: 'Get the downloadable version of a video',
        description: 'Poll it after a POST until it is available. The format is mp4 or flv.',
        handle: (call) => answer(services, call, 'look'),
      },
      {
        ...shared,
        method: 'POST',
        summary: 'Request a downloadable version of a video',
        description: 'Makes a temporary file, or does nothing where there is one.',
        handle: (call) => answer(services, call, 'request'),
      },
    ],
    problem: (_context, problem) => problemText(problem),
  }
}

function error(description: string): DialectReply {
  return { description, schema: errorSchema }
}

async function answer(
  services: DialectServices,
  call: DialectCall,
  wish: 'look' | 'request',
): Promise<ApiAnswer> {
  const target = await readTarget(services, call)
  if ('kind' in target) return target
  const { client, asset, format } = target
  if (wish === 'request') await requestDownloadable(services, asset, format)
  const downloadable = await findDownloadable(services, asset, format)
  return jsonText(200, { downloadable }, { kid: client.id })
}

interface Target {
  readonly client: ApiClientEntry
  readonly asset: Asset
  readonly format: DownloadableFormat
}

/** Who asks for which version; or the error that says what is wrong with it. */
async function readTarget(
  services: DialectServices,
  { context, parameters }: DialectCall,
): Promise<Target | ApiText> {
  const client = services.clients.byToken(context.headers.authorization)
  if (!client) return INVALID_TOKEN
  const { id: kid } = client
  if (!mayUse(client, 'ibm')) return { ...INVALID_TOKEN, kid }
  const { id = '', format } = parameters
  if (format !== 'mp4' && format !== 'flv') return { ...NOT_FOUND, kid }
  const asset = await services.catalogue.asset(id)
  // an archive has no object of its own
  return asset && !asset.members ? { client, asset, format } : { ...NOT_FOUND, kid }
}
