import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { GatewayError } from '../base/failure.ts'
import type { ValkeyConnection } from './connection.ts'
import type { Events } from './events.ts'
import { type Row, RowMap, type RowFollower } from './row-map.ts'
import { TABLE_CHANGE, TABLE_FORGET, TABLE_RESTORE, TABLE_STATE } from './table-scripts.ts'

const POLL_MS = 1000
/** A message that is on its way comes within this time; after it, it is missed. */
const ON_ITS_WAY_MS = 100
const SCAN_COUNT = 1000
const BATCH = 500
/** Removals are remembered so long: a node that was away no longer brings back what others removed. */
const KEEP_REMOVED_MS = 3_600_000

const changeSchema = z.object({
  table: z.string(),
  identity: z.string(),
  previous: z.string(),
  version: z.string(),
  key: z.string().optional(),
  body: z.string().optional(),
})
type Change = z.output<typeof changeSchema>

/**
 * A table that every node holds in memory: asked without delay, changed on the server first. Changes of
 * others come as messages; those that are missed are found by a poll. When the server lost rows, every
 * node puts back what it knows: of two rows the later stands, and a removal is a row, too.
 */
export class ReplicatedTable {
  readonly #connection: ValkeyConnection
  readonly #events: Events
  readonly #name: string
  readonly #keys: readonly [string, string]
  readonly #rows = new RowMap()
  readonly #stops: (() => void)[] = []
  #identity: string | undefined
  #version = 0
  /** Changes that come while all rows are read. */
  #meanwhile: Change[] | undefined
  #checking: Promise<void> | undefined

  constructor(connection: ValkeyConnection, events: Events, name: string) {
    this.#connection = connection
    this.#events = events
    this.#name = name
    const tag = `${connection.prefix}{table:${name}}`
    this.#keys = [`${tag}:rows`, `${tag}:state`]
  }

  /** Whether all rows are known: before, nobody may rely on one being absent. */
  get isLoaded(): boolean {
    return this.#identity !== undefined
  }

  /** Tells what is there so far and from then on each change. */
  follow(follower: RowFollower): void {
    this.#rows.follow(follower)
  }

  /** Reads all rows and keeps them up to date. Fails when the state cannot be reached. */
  async start(): Promise<void> {
    this.#stops.push(
      this.#events.on('table', changeSchema, (change) => {
        if (change.table === this.#name) this.#receive(change)
      }),
      this.#connection.onUp(() => {
        this.#checkLater()
      }),
    )
    const timer = setInterval(() => {
      if (this.#connection.isUp) this.#checkLater()
    }, POLL_MS)
    const forgetting = setInterval(() => {
      this.#forget().catch(() => undefined)
    }, KEEP_REMOVED_MS)
    this.#stops.push(() => {
      clearInterval(timer)
      clearInterval(forgetting)
    })
    await this.#check()
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  /** It is on the server, and in force here, when the promise resolves. */
  async put(key: string, body: string): Promise<void> {
    await this.#change(key, body, '')
  }

  /** With a stamp, only the row of that stamp is removed. */
  async remove(key: string, stamp?: number): Promise<void> {
    await this.#change(key, '', stamp ?? '')
  }

  async #change(key: string, body: string, stamp: number | ''): Promise<void> {
    const args = [this.#events.channel, this.#name, key, body, stamp]
    const reply = await this.#connection.run(TABLE_CHANGE, this.#keys, args)
    if (!Array.isArray(reply)) return
    const [identity, previous, version] = reply.map(String)
    if (identity === undefined || previous === undefined || version === undefined) return
    this.#apply({ table: this.#name, identity, previous, version, key, body })
  }

  #receive(change: Change): void {
    this.#meanwhile?.push(change)
    this.#apply(change)
    if (Number(change.version) > this.#version) this.#checkLater()
  }

  /** A change that follows the last known one brings the table up to date; any other leaves a gap. */
  #apply({ identity, previous, version, key, body }: Change): void {
    const stamp = Number(version)
    if (key !== undefined) this.#rows.put(key, { stamp, body: body || undefined })
    const isNext = identity === this.#identity && Number(previous) === this.#version
    if (isNext && previous !== '') this.#version = stamp
  }

  #checkLater(): void {
    // a failure is no news: the poll asks again, and nothing is forgotten meanwhile
    this.#check().catch(() => undefined)
  }

  #check(): Promise<void> {
    this.#checking ??= this.#catchUp().finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  async #catchUp(): Promise<void> {
    if (await this.#isUpToDate()) return
    if (this.isLoaded) {
      await delay(ON_ITS_WAY_MS)
      if (await this.#isUpToDate()) return
    }
    await this.#load()
  }

  async #state(): Promise<readonly [identity: string, version: number]> {
    const reply = await this.#connection.run(TABLE_STATE, this.#keys, [])
    if (!Array.isArray(reply)) throw new GatewayError('ERR_STATE_UNAVAILABLE', 'no table state')
    return [String(reply[0]), Number(reply[1])]
  }

  async #isUpToDate(): Promise<boolean> {
    const [identity, version] = await this.#state()
    return identity === this.#identity && version <= this.#version
  }

  async #load(): Promise<void> {
    this.#meanwhile = []
    try {
      const [identity, version] = await this.#state()
      const there = await this.#scan()
      const [still] = await this.#state()
      // emptied meanwhile: what is lacking then was lost, not removed
      if (still !== identity) throw new GatewayError('ERR_STATE_UNAVAILABLE', 'the state changed')
      if (this.#identity !== undefined && this.#identity !== identity) await this.#restore(there)
      else this.#rows.drop((key, { stamp }) => stamp <= version && !there.has(key))
      for (const [key, row] of there) this.#rows.put(key, row)
      this.#identity = identity
      this.#version = version
      for (const change of this.#meanwhile) this.#apply(change)
    } finally {
      this.#meanwhile = undefined
    }
  }

  async #scan(): Promise<Map<string, Row>> {
    const rows = new Map<string, Row>()
    let cursor = '0'
    do {
      const reply = await this.#connection.command(
        'HSCAN',
        this.#keys[0],
        cursor,
        'COUNT',
        SCAN_COUNT,
      )
      const [next, members] = reply as [string, string[]]
      for (let i = 0; i + 1 < members.length; i += 2) {
        const [key, row] = [members[i], readRow(members[i + 1] ?? '')]
        if (key !== undefined && row) rows.set(key, row)
      }
      cursor = next
    } while (cursor !== '0')
    return rows
  }

  /** Puts back what the server does not know, or knows only as it was before. */
  async #restore(there: ReadonlyMap<string, Row>): Promise<void> {
    const lost = this.#rows.filter((key, row) => (there.get(key)?.stamp ?? 0) < row.stamp)
    for (const args of batches(lost)) {
      const named = [this.#events.channel, this.#name, ...args]
      await this.#connection.run(TABLE_RESTORE, this.#keys, named)
    }
  }

  async #forget(): Promise<void> {
    const before = (Date.now() - KEEP_REMOVED_MS) * 1000
    const old = this.#rows.filter((_, row) => row.body === undefined && row.stamp < before)
    for (const args of batches(old)) await this.#connection.run(TABLE_FORGET, this.#keys, args)
    this.#rows.drop((_, row) => row.body === undefined && row.stamp < before)
  }
}

function readRow(text: string): Row | undefined {
  const colon = text.indexOf(':')
  const stamp = Number(text.slice(0, colon))
  return colon < 1 || !Number.isSafeInteger(stamp)
    ? undefined
    : { stamp, body: text.slice(colon + 1) || undefined }
}

function* batches(rows: readonly (readonly [string, Row])[]): Generator<string[]> {
  for (let i = 0; i < rows.length; i += BATCH) {
    yield rows
      .slice(i, i + BATCH)
      .flatMap(([key, { stamp, body }]) => [key, `${stamp}:${body ?? ''}`])
  }
}
