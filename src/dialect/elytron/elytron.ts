import { z } from 'zod'
import { catalogueName } from '../../catalogue/catalogue-name.ts'
import { formatOf } from '../../catalogue/format.ts'
import type { ApiAnswer } from '../../http/api.ts'
import { grantForCall } from '../clients.ts'
import type { Dialect, DialectCall, DialectReply } from '../dialect.ts'
import { jsonText } from '../json-text.ts'
import type { DialectServices } from '../services.ts'
import { errorSchema, INVALID_FORMAT, notReady, problemText, VIDEO_NOT_FOUND } from './errors.ts'
import { readRequest } from './request.ts'
import { describeVideo, videoSchema } from './video.ts'

const downloadQuery = z.object({
  format: z.enum(['mp4', 'webm', 'mov']).default('mp4').describe('The container to download.'),
})

/** The video API of Elytron: what a video is, and its bytes in one of three containers. */
export function elytronDialect(services: DialectServices): Dialect {
  return {
    name: 'elytron',
    title: 'Elytron',
    endpoints: [
      {
        method: 'GET',
        path: '/v1/videos/{id}',
        summary: 'Get a video',
        description: 'Its state, and a signed link to the source as soon as it is completed.',
        credentials: ['bearer'],
        replies: {
          200: { description: 'The video.', schema: videoSchema },
          400: error('`INVALID_REQUEST`: an unknown or repeated query parameter.'),
          401: UNAUTHORIZED_REPLY,
          404: error('`VIDEO_NOT_FOUND`: no video has this id.'),
          500: INTERNAL_REPLY,
          503: UNAVAILABLE_REPLY,
        },
        handle: (call) => getVideo(services, call),
      },
      {
        method: 'GET',
        path: '/v1/videos/{id}/download',
        summary: 'Download a video',
        description:
          'The bytes, with ranges and preconditions as in RFC 9110. A format that is not there is made: ' +
          'ask again until it is.',
        credentials: ['bearer'],
        query: downloadQuery,
        replies: {
          200: { description: 'The file.', mediaType: 'video/mp4' },
          206: { description: 'A part of the file.', mediaType: 'video/mp4' },
          304: { description: 'The file did not change.' },
          400: error(
            '`VIDEO_NOT_READY` with the status, `INVALID_FORMAT`, `INVALID_REQUEST`: an unknown or ' +
              'repeated query parameter.',
          ),
          401: UNAUTHORIZED_REPLY,
          403: error('A rule of the policy, by its own code: `ADDRESS_NOT_ALLOWED` and others.'),
          404: error('`VIDEO_NOT_FOUND`: no video has this id, or its file is gone.'),
          410: error('`LINK_REVOKED`: an operator withdrew the right to this download.'),
          412: error('`PRECONDITION_FAILED`: the file is not the one that was asked for.'),
          416: error('`RANGE_NOT_SATISFIABLE`: the range lies outside of the file.'),
          429: error('`TOO_MANY_DOWNLOADS` or `TOO_MANY_CONNECTIONS`, with Retry-After.'),
          500: INTERNAL_REPLY,
          502: error('The origin is down or broke its word: `ORIGIN_UNREACHABLE` and others.'),
          503: UNAVAILABLE_REPLY,
          504: error('`ORIGIN_TIMEOUT`: the origin is too slow.'),
        },
        handle: (call) => download(services, call),
      },
    ],
    problem: (_context, problem) => problemText(problem),
  }
}

const UNAUTHORIZED_REPLY = error(
  '`UNAUTHORIZED`: the token is missing, unknown or not for this API.',
)
const INTERNAL_REPLY = error('`INTERNAL_ERROR`: the request id leads to the cause.')
const UNAVAILABLE_REPLY = error('`SERVICE_UNAVAILABLE`, with Retry-After.')

function error(description: string): DialectReply {
  return { description, schema: errorSchema }
}

async function getVideo(services: DialectServices, call: DialectCall): Promise<ApiAnswer> {
  const request = await readRequest(services, call, [])
  if ('kind' in request) return request
  return jsonText(200, describeVideo(services, request.asset), { kid: request.client.id })
}

async function download(services: DialectServices, call: DialectCall): Promise<ApiAnswer> {
  const request = await readRequest(services, call, Object.keys(downloadQuery.shape))
  if ('kind' in request) return request
  const { client, asset } = request
  const kid = client.id
  const query = downloadQuery.safeParse(Object.fromEntries(request.query))
  if (!query.success) return { ...INVALID_FORMAT, kid }
  const { format } = query.data
  if (asset.status !== 'ready') return { ...notReady(asset.status), kid }
  if (formatOf(asset.object) !== format) {
    const { status } = await services.renditions.order(asset, format, {
      holder: 'elytron',
      keepSeconds: services.keepSeconds,
      renew: true,
    })
    if (status !== 'ready') {
      return { ...notReady(status === 'pending' ? 'processing' : status), kid }
    }
  }
  const filename = `video_${asset.id}.${format}`
  const name = catalogueName(asset, format, filename)
  return {
    kind: 'object',
    name,
    missing: { ...VIDEO_NOT_FOUND, kid },
    grant: grantForCall({
      api: 'elytron',
      holder: client.id,
      path: services.assetsPath + name,
      now: call.context.now,
      constraints: { filename, streaming: false },
    }),
  }
}
