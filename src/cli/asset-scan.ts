import { hash } from 'node:crypto'
import type { EpochSeconds } from '../base/clock.ts'
import { type Asset, type Catalogue, STATUSES } from '../catalogue/catalogue.ts'
import { isObjectName } from '../origin/object-name.ts'
import type { WritableOrigin } from '../origin/writable-origin.ts'

/** How many assets are read from the catalogue at a time. */
const PAGE = 1000

export interface AssetScan {
  readonly catalogue: Catalogue
  readonly origin: WritableOrigin
  readonly originName: string
  /** Empty, or a folder with a slash at the end. */
  readonly prefix: string
  readonly pipelineId: string | undefined
  readonly now: EpochSeconds
  /** Only finds what is new. */
  readonly isDryRun: boolean
}

export interface ScanResult {
  readonly added: readonly Asset[]
  readonly known: number
  /** Names that no object may have, and files that went meanwhile. */
  readonly skipped: readonly string[]
}

/**
 * Adds an asset for each object that the catalogue does not know. Ids follow from origin and object, so
 * a second scan changes nothing.
 */
export async function scanAssets(scan: AssetScan): Promise<ScanResult> {
  const { catalogue, origin, originName, prefix, pipelineId, now, isDryRun } = scan
  const names: string[] = []
  for await (const name of origin.list(prefix)) names.push(name)
  // read after the walk: a rendition stands in the catalogue before its object is there to be seen
  const objects = await knownObjects(catalogue, originName)
  const added: Asset[] = []
  const skipped: string[] = []
  for (const object of names.sort()) {
    const id = assetIdOf(originName, object)
    if (objects.has(object) || (await catalogue.asset(id))) continue
    if (!isObjectName(object) || (await origin.localFile(object)) === undefined) {
      skipped.push(object)
      continue
    }
    const asset: Asset = {
      id,
      filename: object.slice(object.lastIndexOf('/') + 1),
      origin: originName,
      object,
      requireSigned: false,
      status: 'ready',
      createdAt: now,
      ...(pipelineId !== undefined && { pipelineId }),
    }
    if (!isDryRun) await catalogue.putAsset(asset, [])
    added.push(asset)
  }
  return { added, known: names.length - added.length - skipped.length, skipped }
}

/** Every asset, page by page. */
export async function* allAssets(catalogue: Catalogue): AsyncGenerator<Asset> {
  for (let after = ''; ;) {
    const page = await catalogue.assets(after, PAGE)
    yield* page
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.id
  }
}

/** The objects of assets and of renditions, which are no assets of their own. */
async function knownObjects(catalogue: Catalogue, originName: string): Promise<Set<string>> {
  const objects = new Set<string>()
  for await (const { origin, object } of allAssets(catalogue)) {
    if (origin === originName) objects.add(object)
  }
  for (const { origin, object } of await catalogue.renditionsIn(STATUSES)) {
    if (origin === originName) objects.add(object)
  }
  return objects
}

/** 24 hex digits, as ids in these APIs often are. */
function assetIdOf(originName: string, object: string): string {
  return hash('sha256', `${originName}\n${object}`, 'hex').slice(0, 24)
}
