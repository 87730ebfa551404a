import { z } from 'zod'
import type { DialectReply } from '../dialect.ts'
import type { DialectServices } from '../services.ts'
import { findVideo, type StreamOperation } from './call.ts'
import { failure, failureReply, success, successReply } from './envelope.ts'
import {
  createDownload,
  describeDownloads,
  DOWNLOAD_TYPES,
  type DownloadType,
  removeDownload,
} from './video-downloads.ts'

const downloadSchema = z.object({
  status: z.enum(['inprogress', 'ready', 'error']),
  url: z.url().describe('Works when the status is `ready`; a private video needs a token in it.'),
  percentComplete: z.number().describe('100 when it is ready.'),
})

const downloadsSchema = z.object({
  default: downloadSchema.optional().describe('The MP4, once it was asked for.'),
  audio: downloadSchema.optional().describe('The sound alone (M4A), once it was asked for.'),
})

const NOT_FOUND: DialectReply = failureReply('Code 10003: no video has this id.')

/** POST, GET and DELETE of the downloads of a video. */
export function downloadOperations(services: DialectServices): StreamOperation[] {
  const path = '/stream/{id}/downloads'
  return [
    listOperation(services, path),
    createOperation(services, path, 'default'),
    removeOperation(services, path, DOWNLOAD_TYPES),
    ...DOWNLOAD_TYPES.flatMap((type) => [
      createOperation(services, `${path}/${type}`, type),
      removeOperation(services, `${path}/${type}`, [type]),
    ]),
  ]
}

function listOperation(services: DialectServices, path: string): StreamOperation {
  return {
    method: 'GET',
    path,
    summary: 'List the downloads of a video',
    replies: {
      200: successReply('The downloads that were asked for.', downloadsSchema),
      404: NOT_FOUND,
    },
    async answer(call, kid) {
      const video = await findVideo(services, call, kid)
      return 'kind' in video ? video : success(await describeDownloads(services, video), kid)
    },
  }
}

function createOperation(
  services: DialectServices,
  path: string,
  type: DownloadType,
): StreamOperation {
  return {
    method: 'POST',
    path,
    summary: `Create the ${type} download of a video`,
    description: 'Poll the list until its status is `ready`. A body is not read.',
    replies: {
      200: successReply('The downloads that were asked for, with this one.', downloadsSchema),
      400: failureReply('Code 10005: the video is not ready.'),
      404: NOT_FOUND,
    },
    async answer(call, kid) {
      const video = await findVideo(services, call, kid)
      if ('kind' in video) return video
      if (video.status !== 'ready') {
        return failure(400, `Bad Request: the video is not ready. Status: ${video.status}`, { kid })
      }
      await createDownload(services, video, type)
      return success(await describeDownloads(services, video), kid)
    },
  }
}

function removeOperation(
  services: DialectServices,
  path: string,
  types: readonly DownloadType[],
): StreamOperation {
  return {
    method: 'DELETE',
    path,
    summary:
      types.length > 1 ? 'Delete the downloads of a video' : `Delete the ${types[0]} download`,
    description: 'From then on it is absent from the list, and its file is 404.',
    replies: {
      200: successReply('Deleted, or not there before either.', z.literal('ok')),
      404: NOT_FOUND,
    },
    async answer(call, kid) {
      const video = await findVideo(services, call, kid)
      if ('kind' in video) return video
      for (const type of types) await removeDownload(services, video, type)
      return success('ok', kid)
    },
  }
}
