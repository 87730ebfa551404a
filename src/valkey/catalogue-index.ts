import { digestText } from '../base/bytes.ts'
import type { Rendition, Status } from '../catalogue/catalogue.ts'
import { isFormat } from '../catalogue/format.ts'
import type { ValkeyConnection } from './connection.ts'

/** Which rendition an entry stands for. */
export type Place = Pick<Rendition, 'assetId' | 'format'>

/** A member of one of the sets. */
export interface IndexEntry {
  readonly key: string
  readonly member: string
}

/**
 * Sorted sets of what may be found by some property, in the order of bytes. The rows lie on other nodes of a Cluster, so an
 * entry and its row cannot be written in one step: an entry is there before its row and again after it,
 * and one without a row is taken out by who reads it. So it may say too much for a while, never too
 * little, whoever writes at the same time.
 */
export class CatalogueIndex {
  readonly #valkey: ValkeyConnection

  constructor(valkey: ValkeyConnection) {
    this.#valkey = valkey
  }

  ofId(id: string): IndexEntry {
    return { key: this.#idsKey, member: id }
  }

  ofObject(id: string, object: string, pipelineId: string): IndexEntry {
    return { key: this.#objectKey(object, pipelineId), member: id }
  }

  ofStatus({ assetId, format }: Place, status: Status): IndexEntry {
    return { key: this.#statusKey(status), member: `${assetId}/${format}` }
  }

  /** Ids of assets in the order of their bytes, those behind a given one. */
  async idsBehind(id: string, count: number): Promise<string[]> {
    const lowest = id === '' ? '-' : `(${id}`
    const range = [lowest, '+', 'LIMIT', 0, count]
    return listOf(await this.#valkey.command('ZRANGEBYLEX', this.#idsKey, ...range))
  }

  async withObject(object: string, pipelineId: string): Promise<string[]> {
    const key = this.#objectKey(object, pipelineId)
    return listOf(await this.#valkey.command('ZRANGE', key, 0, -1))
  }

  async inStatus(status: Status): Promise<Place[]> {
    const key = this.#statusKey(status)
    return listOf(await this.#valkey.command('ZRANGE', key, 0, -1)).map(placeOf)
  }

  /** Writes a row that belongs into the sets. */
  async around<T>(entries: readonly IndexEntry[], write: () => Promise<T>): Promise<T> {
    await this.#add(entries)
    const result = await write()
    await this.#add(entries)
    return result
  }

  /** Takes an entry out whose row says something else, and puts it back if the row came meanwhile. */
  async prune(entry: IndexEntry, belongs: () => Promise<boolean>): Promise<void> {
    await this.#valkey.command('ZREM', entry.key, entry.member)
    if (await belongs()) await this.#add([entry])
  }

  async #add(entries: readonly IndexEntry[]): Promise<void> {
    for (const { key, member } of entries) {
      await this.#valkey.command('ZADD', key, 0, member)
    }
  }

  get #idsKey(): string {
    return `${this.#valkey.prefix}{catalogue}:ids`
  }

  #statusKey(status: Status): string {
    return `${this.#valkey.prefix}{catalogue}:${status}`
  }

  /** Shares no tag with the others: it grows with the catalogue, and lies wherever it falls. */
  #objectKey(object: string, pipelineId: string): string {
    return `${this.#valkey.prefix}asset-of:{${digestText(JSON.stringify([object, pipelineId]))}}`
  }
}

/** Only this class writes the entries: `ASSET/FORMAT`. */
function placeOf(member: string): Place {
  const slash = member.indexOf('/')
  const format = member.slice(slash + 1)
  if (!isFormat(format)) throw new Error(`the catalogue knows no format ${format}`)
  return { assetId: member.slice(0, slash), format }
}

function listOf(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map(String) : []
}
