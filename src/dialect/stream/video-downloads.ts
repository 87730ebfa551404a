import type { Asset, Rendition, Status } from '../../catalogue/catalogue.ts'
import type { DialectServices } from '../services.ts'

/** Whose orders keep the renditions: before a POST and after a DELETE there is no download. */
const HOLDER = 'stream'

/** The downloads that a video can have: what they are made as, and the file that they are fetched by. */
export const DOWNLOADS = {
  default: { format: 'mp4', file: 'default.mp4' },
  audio: { format: 'm4a', file: 'audio.m4a' },
} as const

export type DownloadType = keyof typeof DOWNLOADS

export const DOWNLOAD_TYPES = Object.keys(DOWNLOADS) as [DownloadType, ...DownloadType[]]

const STATES = {
  pending: 'inprogress',
  processing: 'inprogress',
  ready: 'ready',
  failed: 'error',
} as const satisfies Record<Status, string>

/** One download as the API describes it. */
export interface Download {
  readonly status: (typeof STATES)[Status]
  readonly url: string
  readonly percentComplete: number
}

/** Begins a download, or leaves it as it is. */
export async function createDownload(
  { renditions }: DialectServices,
  video: Asset,
  type: DownloadType,
): Promise<void> {
  const order = { holder: HOLDER, keepSeconds: undefined, renew: false }
  await renditions.order(video, DOWNLOADS[type].format, order)
}

export async function removeDownload(
  { renditions }: DialectServices,
  video: Asset,
  type: DownloadType,
): Promise<void> {
  await renditions.release(video, DOWNLOADS[type].format, HOLDER)
}

/** The rendition behind a download; undefined when nobody asked for the download. */
export async function findDownload(
  { catalogue, renditions }: DialectServices,
  video: Asset,
  type: DownloadType,
): Promise<Rendition | undefined> {
  const { format } = DOWNLOADS[type]
  const order = await catalogue.order(video.id, format, HOLDER)
  return order && renditions.find(video, format)
}

/** All downloads of a video, by type. */
export async function describeDownloads(
  services: DialectServices,
  video: Asset,
): Promise<Partial<Record<DownloadType, Download>>> {
  const described: Partial<Record<DownloadType, Download>> = {}
  for (const type of DOWNLOAD_TYPES) {
    const rendition = await findDownload(services, video, type)
    if (!rendition) continue
    described[type] = {
      status: STATES[rendition.status],
      url: `${services.publicUrl}/${video.id}/downloads/${DOWNLOADS[type].file}`,
      percentComplete: rendition.status === 'ready' ? 100 : rendition.percent,
    }
  }
  return described
}
