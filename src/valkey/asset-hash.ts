import type { Asset, Order, Rendition } from '../catalogue/catalogue.ts'
import { type Format, FORMAT_NAMES } from '../catalogue/format.ts'

/** All that the catalogue knows of an asset, as one read gave it. */
export class AssetHash {
  readonly #fields = new Map<string, string>()

  /** Takes the reply to `HGETALL`: names and values in turn. */
  constructor(reply: unknown) {
    const parts: unknown[] = Array.isArray(reply) ? reply : []
    for (let at = 0; at + 1 < parts.length; at += 2) {
      this.#fields.set(String(parts[at]), String(parts[at + 1]))
    }
  }

  get asset(): Asset | undefined {
    return parsed(this.#fields.get('asset')) as Asset | undefined
  }

  /** By the names of their formats. */
  get renditions(): Rendition[] {
    return FORMAT_NAMES.toSorted()
      .map((format) => this.rendition(format))
      .filter((rendition) => rendition !== undefined)
  }

  rendition(format: Format): Rendition | undefined {
    return parsed(this.#fields.get(`row:${format}`)) as Rendition | undefined
  }

  /** When the rendition came, in microseconds. */
  since(format: Format): number {
    return Number(this.#fields.get(`since:${format}`))
  }

  orders(format: Format): Order[] {
    const start = orderField(format, '')
    return [...this.#fields]
      .filter(([field]) => field.startsWith(start))
      .map(([, order]) => JSON.parse(order) as Order)
  }
}

/** The field of a holder's order. */
export function orderField(format: Format, holder: string): string {
  return `order:${format}:${holder}`
}

/** What is stored as JSON; undefined where nothing is. Only the catalogue writes there. */
export function parsed(text: unknown): unknown {
  return typeof text === 'string' ? JSON.parse(text) : undefined
}
