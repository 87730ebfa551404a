import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import type { EpochSeconds } from '../base/clock.ts'
import { inTransaction } from '../state/database.ts'
import {
  type Asset,
  type Catalogue,
  expiryOf,
  type Order,
  type Rendition,
  type RenditionChange,
  type Status,
} from './catalogue.ts'
import type { Format } from './format.ts'

type Row = Record<string, SQLOutputValue>

/** The catalogue in the embedded state. What is searched is a column, the rest is JSON. */
export class SqliteCatalogue implements Catalogue {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  async asset(id: string): Promise<Asset | undefined> {
    return this.#one('SELECT body FROM asset WHERE id = ?', id) as Asset | undefined
  }

  async assetOf(object: string, pipelineId: string): Promise<Asset | undefined> {
    return this.#one(
      'SELECT body FROM asset WHERE object = ? AND pipeline = ? ORDER BY created DESC, id LIMIT 1',
      object,
      pipelineId,
    ) as Asset | undefined
  }

  async assets(after: string, limit: number): Promise<Asset[]> {
    return this.#all(
      'SELECT body FROM asset WHERE id > ? ORDER BY id LIMIT ?',
      after,
      limit,
    ) as Asset[]
  }

  async putAsset(asset: Asset, given: readonly Rendition[]): Promise<void> {
    inTransaction(this.#database, () => {
      this.#run(
        `INSERT INTO asset (id, object, pipeline, created, body) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE
         SET object = excluded.object, pipeline = excluded.pipeline, body = excluded.body`,
        asset.id,
        asset.object,
        asset.pipelineId ?? null,
        asset.createdAt,
        JSON.stringify(asset),
      )
      for (const rendition of given) this.#putRendition(rendition)
    })
  }

  async removeAsset(id: string): Promise<boolean> {
    return inTransaction(this.#database, () => {
      this.#run('DELETE FROM rendition WHERE asset = ?', id)
      this.#run('DELETE FROM rendition_order WHERE asset = ?', id)
      return this.#run('DELETE FROM asset WHERE id = ?', id) > 0
    })
  }

  async rendition(assetId: string, format: Format): Promise<Rendition | undefined> {
    return this.#rendition(assetId, format)
  }

  async renditions(assetId: string): Promise<Rendition[]> {
    return this.#all(
      'SELECT body FROM rendition WHERE asset = ? ORDER BY format',
      assetId,
    ) as Rendition[]
  }

  async renditionsIn(statuses: readonly Status[]): Promise<Rendition[]> {
    const marks = statuses.map(() => '?').join(', ')
    return this.#all(
      `SELECT body FROM rendition WHERE status IN (${marks}) ORDER BY created, asset, format`,
      ...statuses,
    ) as Rendition[]
  }

  async putRendition(rendition: Rendition): Promise<void> {
    this.#putRendition(rendition)
  }

  async replaceRendition(rendition: Rendition, before: string | undefined): Promise<boolean> {
    return inTransaction(this.#database, () => {
      const there = this.#rendition(rendition.assetId, rendition.format)
      if (there?.object !== before) return false
      this.#putRendition(rendition)
      return true
    })
  }

  async changeRendition(
    assetId: string,
    format: Format,
    change: RenditionChange,
    object?: string,
  ): Promise<boolean> {
    return inTransaction(this.#database, () => {
      const before = this.#rendition(assetId, format)
      if (!before || before.object !== (object ?? before.object)) return false
      this.#putRendition({ ...before, ...change })
      return true
    })
  }

  async removeRendition(assetId: string, format: Format, object?: string): Promise<void> {
    inTransaction(this.#database, () => {
      const there = this.#rendition(assetId, format)
      if (object !== undefined && there?.object !== object) return
      this.#run('DELETE FROM rendition WHERE asset = ? AND format = ?', assetId, format)
      this.#run('DELETE FROM rendition_order WHERE asset = ? AND format = ?', assetId, format)
    })
  }

  async orders(assetId: string, format: Format): Promise<Order[]> {
    return this.#orders(assetId, format)
  }

  async order(assetId: string, format: Format, holder: string): Promise<Order | undefined> {
    return this.#orders(assetId, format).find((order) => order.holder === holder)
  }

  async putOrder(order: Order): Promise<void> {
    this.#run(
      'INSERT OR REPLACE INTO rendition_order (asset, format, holder, body) VALUES (?, ?, ?, ?)',
      order.assetId,
      order.format,
      order.holder,
      JSON.stringify(order),
    )
  }

  async removeOrder(assetId: string, format: Format, holder: string): Promise<void> {
    this.#run(
      'DELETE FROM rendition_order WHERE asset = ? AND format = ? AND holder = ?',
      assetId,
      format,
      holder,
    )
  }

  async expired(now: EpochSeconds): Promise<Rendition[]> {
    const ready = await this.renditionsIn(['ready'])
    return ready.filter(
      (rendition) =>
        !rendition.isGiven &&
        this.#orders(rendition.assetId, rendition.format).every(
          (order) => (expiryOf(order, rendition) ?? Infinity) <= now,
        ),
    )
  }

  #rendition(assetId: string, format: Format): Rendition | undefined {
    return this.#one(
      'SELECT body FROM rendition WHERE asset = ? AND format = ?',
      assetId,
      format,
    ) as Rendition | undefined
  }

  #putRendition(rendition: Rendition): void {
    this.#run(
      `INSERT INTO rendition (asset, format, status, created, body)
       VALUES (?, ?, ?, (SELECT coalesce(max(created), 0) + 1 FROM rendition), ?)
       ON CONFLICT (asset, format) DO UPDATE SET status = excluded.status, body = excluded.body`,
      rendition.assetId,
      rendition.format,
      rendition.status,
      JSON.stringify(rendition),
    )
  }

  #orders(assetId: string, format: Format): Order[] {
    return this.#all(
      'SELECT body FROM rendition_order WHERE asset = ? AND format = ?',
      assetId,
      format,
    ) as Order[]
  }

  #one(sql: string, ...values: (string | number)[]): unknown {
    const row = this.#statement(sql).get(...values)
    return row && bodyOf(row)
  }

  #all(sql: string, ...values: (string | number)[]): unknown[] {
    return this.#statement(sql)
      .all(...values)
      .map(bodyOf)
  }

  #run(sql: string, ...values: (string | number | null)[]): number {
    return Number(this.#statement(sql).run(...values).changes)
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (!statement) this.#statements.set(sql, (statement = this.#database.prepare(sql)))
    return statement
  }
}

/** Only this class writes the column, so its JSON is what it says. */
function bodyOf(row: Row): unknown {
  return JSON.parse(String(row['body']))
}
