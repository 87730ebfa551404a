import type { MissingObject, ObjectRequest, OpenObject, Origin } from '../origin/origin.ts'
import type { Catalogue } from './catalogue.ts'
import { parseCatalogueName } from './catalogue-name.ts'
import { FORMATS, formatOf } from './format.ts'

const MISSING: MissingObject = { state: 'missing' }

/** The catalogue as an origin: finds what is ready and opens it where it lies. */
export class CatalogueOrigin implements Origin {
  readonly kind = 'catalogue'
  readonly #catalogue: Catalogue
  readonly #origins: ReadonlyMap<string, Origin>

  constructor(catalogue: Catalogue, origins: ReadonlyMap<string, Origin>) {
    this.#catalogue = catalogue
    this.#origins = origins
  }

  async open(request: ObjectRequest): Promise<OpenObject | MissingObject> {
    const place = await this.#find(request.name)
    const origin = place && this.#origins.get(place.origin)
    if (!origin) return MISSING
    const object = await origin.open({ ...request, name: place.object })
    if (object.state === 'missing' || place.mediaType === undefined) return object
    const meta = { ...object.meta, contentType: place.mediaType }
    return {
      state: 'found',
      meta,
      send: (start, end, sink) => object.send(start, end, sink),
      close: () => {
        object.close()
      },
    }
  }

  close(): void {
    // the origins behind it are closed by whoever made them
  }

  async #find(
    name: string,
  ): Promise<
    | { readonly origin: string; readonly object: string; readonly mediaType: string | undefined }
    | undefined
  > {
    const wanted = parseCatalogueName(name)
    const asset = wanted && (await this.#catalogue.asset(wanted.assetId))
    if (!asset || asset.members) return undefined
    const { format } = wanted
    const mediaType = format && FORMATS[format].mediaType
    if (format === undefined || format === formatOf(asset.object)) {
      return asset.status === 'ready' ? { ...asset, mediaType } : undefined
    }
    const rendition = await this.#catalogue.rendition(asset.id, format)
    return rendition?.status === 'ready' ? { ...rendition, mediaType } : undefined
  }
}
