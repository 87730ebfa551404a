import type { Asset } from './catalogue.ts'
import { type Format, isFormat } from './format.ts'

/** What stands for the asset's own object in the place of a format. */
const ORIGINAL = 'original'

/** Which object of the catalogue a name stands for. */
export interface CatalogueObject {
  readonly assetId: string
  /** Undefined: the asset's own object. */
  readonly format: Format | undefined
}

/**
 * The name of an asset's object below the catalogue's path: `ID/FORMAT/FILENAME`. The file name is for
 * people and for programs that save under it; only plain characters of it stay.
 */
export function catalogueName(asset: Asset, format: Format | undefined, filename: string): string {
  const plain = filename.replace(/[^A-Za-z0-9._-]+/g, '_').replace(/^\.+/, '')
  return `${asset.id}/${format ?? ORIGINAL}/${plain === '' ? 'download' : plain}`
}

export function parseCatalogueName(name: string): CatalogueObject | undefined {
  const [assetId, format, filename, ...rest] = name.split('/')
  if (!assetId || !format || !filename || rest.length > 0) return undefined
  if (format === ORIGINAL) return { assetId, format: undefined }
  return isFormat(format) ? { assetId, format } : undefined
}
