import { z } from 'zod'
import { type EpochSeconds, secondsOf } from '../../base/clock.ts'
import type { Asset } from '../../catalogue/catalogue.ts'
import { FORMAT_NAMES, formatOf } from '../../catalogue/format.ts'
import { mintOrFail } from '../catalogue-link.ts'
import type { DialectServices } from '../services.ts'

const DAY = 86_400

/** What the API calls the states of an asset. */
const STATUSES = {
  pending: 'pending',
  processing: 'processing',
  ready: 'completed',
  failed: 'failed',
} as const satisfies Record<Asset['status'], string>

export const videoSchema = z.object({
  id: z.string().describe('As in the path.'),
  status: z
    .enum(['pending', 'processing', 'completed', 'failed'])
    .describe('Only a completed video can be downloaded.'),
  filename: z.string().describe('The name under which the source was added.'),
  format: z.enum(FORMAT_NAMES).nullable().describe('The container of the source, if it is known.'),
  created_at: z.iso.datetime().describe('When it was added.'),
  download_url: z
    .url()
    .nullable()
    .describe('Signed: it needs no header. Opens the source as it is; null until it is completed.'),
  download_url_expires_at: z.iso
    .datetime()
    .nullable()
    .describe('When that link ends; another call gives a new one.'),
})

/** A video as the API describes it, with a new link each time. */
export function describeVideo(
  services: DialectServices,
  asset: Asset,
): z.output<typeof videoSchema> {
  const link = asset.status === 'ready' ? linkTo(services, asset) : undefined
  return {
    id: asset.id,
    status: STATUSES[asset.status],
    filename: asset.filename,
    format: formatOf(asset.object) ?? null,
    created_at: isoTime(asset.createdAt),
    download_url: link?.url ?? null,
    download_url_expires_at: link ? isoTime(link.expires_at) : null,
  }
}

function linkTo(
  services: DialectServices,
  asset: Asset,
): { readonly url: string; readonly expires_at: EpochSeconds } {
  const lifetime = Math.min(services.maxLinkSeconds, DAY)
  return mintOrFail(services, {
    asset,
    format: formatOf(asset.object),
    filename: `video_${asset.id}${extensionOf(asset)}`,
    expiresAt: secondsOf(services.clock) + lifetime,
    constraints: { streaming: false },
  })
}

/** With its dot; that of the file name where the container is none that has a format here. */
function extensionOf({ object, filename }: Asset): string {
  const format = formatOf(object)
  return format ? `.${format}` : (/\.[A-Za-z0-9]{1,12}$/.exec(filename)?.[0].toLowerCase() ?? '')
}

function isoTime(seconds: EpochSeconds): string {
  return new Date(seconds * 1000).toISOString()
}
