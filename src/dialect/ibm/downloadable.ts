import { type EpochSeconds, secondsOf } from '../../base/clock.ts'
import { type Asset, expiryOf, type Status } from '../../catalogue/catalogue.ts'
import { formatOf } from '../../catalogue/format.ts'
import { filenameWith, mintOrFail } from '../catalogue-link.ts'
import type { DialectServices } from '../services.ts'

const HOLDER = 'ibm'
/** How long a downloadable version lives after it became available. */
const DAY = 86_400

export type DownloadableFormat = 'mp4' | 'flv'

/** The state of a downloadable version, in the words of the API. */
export interface Downloadable {
  readonly status: 'available' | 'pending' | 'unavailable'
  readonly download_url: string | null
  readonly expires_at: EpochSeconds | null
}

const UNAVAILABLE: Downloadable = { status: 'unavailable', download_url: null, expires_at: null }
const PENDING: Downloadable = { status: 'pending', download_url: null, expires_at: null }

/** The downloadable version as it is now. What was never asked for is unavailable, even if it exists. */
export async function findDownloadable(
  services: DialectServices,
  asset: Asset,
  format: DownloadableFormat,
): Promise<Downloadable> {
  if (asset.status !== 'ready') return UNAVAILABLE
  if (formatOf(asset.object) === format) {
    return available(services, asset, format, secondsOf(services.clock) + DAY)
  }
  const version = await findVersion(services, asset, format)
  if (!version) return UNAVAILABLE
  switch (version.status) {
    case 'pending':
    case 'processing':
      return PENDING
    case 'failed':
      return UNAVAILABLE
    case 'ready':
      return hasEnded(services, version)
        ? UNAVAILABLE
        : available(services, asset, format, version.endsAt)
    default:
      return version.status satisfies never
  }
}

/** Asks for a version. One that is made or available goes on as it is; one that has ended begins anew. */
export async function requestDownloadable(
  services: DialectServices,
  asset: Asset,
  format: DownloadableFormat,
): Promise<void> {
  if (asset.status !== 'ready' || formatOf(asset.object) === format) return
  const version = await findVersion(services, asset, format)
  const renew = version !== undefined && hasEnded(services, version)
  await services.renditions.order(asset, format, { holder: HOLDER, keepSeconds: DAY, renew })
}

/** A rendition that this API ordered. */
interface Version {
  readonly status: Status
  /** Means nothing before it is ready. */
  readonly endsAt: EpochSeconds
}

async function findVersion(
  { catalogue, renditions }: DialectServices,
  asset: Asset,
  format: DownloadableFormat,
): Promise<Version | undefined> {
  const order = await catalogue.order(asset.id, format, HOLDER)
  const rendition = order && (await renditions.find(asset, format))
  if (!rendition) return undefined
  // one that was given, not made, is available since it was asked for
  const readyAt = rendition.readyAt ?? order.orderedAt
  return { status: rendition.status, endsAt: expiryOf(order, { ...rendition, readyAt }) ?? 0 }
}

function hasEnded({ clock }: DialectServices, { status, endsAt }: Version): boolean {
  return status === 'ready' && endsAt <= secondsOf(clock)
}

function available(
  services: DialectServices,
  asset: Asset,
  format: DownloadableFormat,
  expiresAt: EpochSeconds,
): Downloadable {
  const link = mintOrFail(services, {
    asset,
    format,
    filename: filenameWith(asset, format),
    // a policy with shorter links gives a new one with each answer
    expiresAt: Math.min(expiresAt, secondsOf(services.clock) + services.maxLinkSeconds),
    constraints: { streaming: false },
  })
  return { status: 'available', download_url: link.url, expires_at: expiresAt }
}
