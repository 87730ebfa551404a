import { bmffCarrier } from './bmff-carrier.ts'
import type { ByteReader, TagCarrier } from './carrier.ts'
import { pdfCarrier } from './pdf-carrier.ts'
import { zipCarrier } from './zip-carrier.ts'

const CARRIERS: readonly TagCarrier[] = [bmffCarrier, pdfCarrier, zipCarrier]

/** The carrier of a media type; parameters and case do not matter. */
export function carrierOf(mediaType: string): TagCarrier | undefined {
  const type = essenceOf(mediaType)
  return CARRIERS.find((carrier) => carrier.mediaTypes.includes(type))
}

/** Why files of a media type carry no tag; undefined when they can, though a file may still be broken. */
export function whyUntaggable(mediaType: string): string | undefined {
  return carrierOf(mediaType) ? undefined : `${essenceOf(mediaType)} can't carry a tag`
}

function essenceOf(mediaType: string): string {
  const [essence = ''] = mediaType.split(';', 1)
  return essence.trim().toLowerCase()
}

/** The sealed tag of a file of any kind. */
export async function findTag(file: ByteReader): Promise<string | undefined> {
  for (const carrier of CARRIERS) {
    const sealed = await carrier.find(file)
    if (sealed !== undefined) return sealed
  }
  return undefined
}
