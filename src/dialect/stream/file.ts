import { z } from 'zod'
import { refuse, type ReasonCode } from '../../base/refusal.ts'
import { type Asset, ASSET_ID, type Rendition } from '../../catalogue/catalogue.ts'
import { catalogueName } from '../../catalogue/catalogue-name.ts'
import { FORMATS } from '../../catalogue/format.ts'
import type { ApiAnswer, ApiRefusal, ApiText } from '../../http/api.ts'
import {
  grantOfToken,
  type VerifiedStreamToken,
  verifyStreamToken,
} from '../../link/schemes/stream-token.ts'
import { filenameWith } from '../catalogue-link.ts'
import { grantForCall } from '../clients.ts'
import type { DialectCall, DialectEndpoint } from '../dialect.ts'
import { jsonText } from '../json-text.ts'
import { readQuery, unknownParameter } from '../query.ts'
import type { DialectServices } from '../services.ts'
import { DOWNLOAD_TYPES, DOWNLOADS, type DownloadType, findDownload } from './video-downloads.ts'

const FILENAME = /^[A-Za-z0-9_-]{1,120}$/

const problemReply = (description: string) => ({
  description,
  schema: z.object({ title: z.string(), status: z.int(), code: z.string() }),
  mediaType: 'application/problem+json',
})

/** The files behind the addresses that the API hands out. */
export function fileEndpoints(services: DialectServices): DialectEndpoint[] {
  return DOWNLOAD_TYPES.map((type) => ({
    method: 'GET',
    path: `/{video}/downloads/${DOWNLOADS[type].file}`,
    summary: `Download the ${type} file of a video`,
    description: 'In the place of the id stands a token for a video that is private.',
    credentials: ['none'],
    query: z.object({
      filename: z
        .string()
        .regex(FILENAME)
        .optional()
        .describe('What the file is saved as; its extension is appended.'),
    }),
    replies: {
      200: {
        description: 'The file; a range is 206.',
        mediaType: FORMATS[DOWNLOADS[type].format].mediaType,
      },
      400: problemReply('The query is not valid.'),
      401: problemReply('`link_missing`: the video is private.'),
      403: problemReply('`link_invalid`, or what the token does not allow.'),
      404: problemReply('`object_not_found`: there is no such download, or it is not ready.'),
      410: problemReply('`link_expired`, `link_revoked`.'),
    },
    handle: (call) => answerFile(services, call, type),
  }))
}

async function answerFile(
  services: DialectServices,
  { context, parameters }: DialectCall,
  type: DownloadType,
): Promise<ApiAnswer> {
  const { assetsPath, catalogue, keys } = services
  const named = parameters['video'] ?? ''
  const saveAs = readFilename(services, context.target.rawQuery)
  if (saveAs === undefined) return invalidQuery(context.id)
  // no id looks like a token: what is none is taken for a wrong token
  const token = ASSET_ID.test(named) ? undefined : verifyStreamToken(named, keys, context.now)
  if (token && 'reason' in token) return { kind: 'refused', refusal: token }
  const video = await catalogue.asset(token?.subject ?? named)
  if (!video || video.members) return NOT_FOUND
  const locked = whyLocked(video, token)
  if (locked) return locked
  const download = await findDownload(services, video, type)
  const { format } = DOWNLOADS[type]
  const filename = saveAs === '' ? filenameWith(video, format) : `${saveAs}.${format}`
  const name = nameOf(video, download, filename)
  const path = assetsPath + name
  const grant = token
    ? grantOfToken(token, path, { filename })
    : grantForCall({
        api: 'stream',
        holder: 'public',
        path,
        now: context.now,
        constraints: { filename },
      })
  return { kind: 'object', grant, name, missing: NOT_FOUND }
}

/**
 * Its name in the catalogue. Where there is nothing to download it names nothing, so that the policy
 * speaks first: an expired token is 410, whether or not the file is there.
 */
function nameOf(video: Asset, download: Rendition | undefined, filename: string): string {
  if (download?.status !== 'ready') return `${video.id}/absent`
  const isOwn = download.origin === video.origin && download.object === video.object
  return catalogueName(video, isOwn ? undefined : download.format, filename)
}

const NOT_FOUND = refused('object_not_found', 'there is no such download, or it is not ready')

/** A private video opens with a token that may download; a public one with any good token, or none. */
function whyLocked(video: Asset, token: VerifiedStreamToken | undefined): ApiRefusal | undefined {
  if (!video.requireSigned) return undefined
  if (!token) return refused('link_missing', 'the video is private')
  if (token.isDownloadable) return undefined
  return refused('link_resource_mismatch', 'the token is not downloadable')
}

/** The `filename` of the query, empty when there is none; undefined when the query is not valid. */
function readFilename(
  { isIgnoredParameter }: DialectServices,
  rawQuery: string | undefined,
): string | undefined {
  const query = readQuery(rawQuery)
  if (!query || unknownParameter(query, ['filename'], isIgnoredParameter) !== undefined) {
    return undefined
  }
  const filename = query.get('filename')
  if (filename === undefined) return ''
  return FILENAME.test(filename) ? filename : undefined
}

function invalidQuery(requestId: string): ApiText {
  const problem = {
    type: 'about:blank',
    title: 'The query may hold filename: 1 to 120 of A-Z, a-z, 0-9, - and _',
    status: 400,
    code: 'query_invalid',
    request_id: requestId,
  }
  const text = jsonText(400, problem, { reason: 'query_invalid' })
  return { ...text, mediaType: 'application/problem+json' }
}

function refused(reason: ReasonCode, detail: string): ApiRefusal {
  return { kind: 'refused', refusal: refuse(reason, detail) }
}
