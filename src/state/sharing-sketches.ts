import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { HyperLogLog } from 'hyperlolo'
import { LRUCache } from 'lru-cache'
import type { EpochSeconds } from '../base/clock.ts'
import type { SightingTotals } from '../base/sightings.ts'

/** 4,096 registers, 4 KiB: the standard error of an estimate is 1.6 %. */
const PRECISION = 12
/** A window is so many slices: the union of the last ones forgets what left the window. */
const SLICES_PER_WINDOW = 8
/** Keys whose sketches are in memory; one takes up to 200 KiB: nine slices and their union. */
const MAX_OPEN = 64

const KINDS = ['networks', 'groups', 'asns', 'countries', 'devices'] as const

/** What a use adds to each of the sketches. */
export type SketchValues = Readonly<Partial<Record<(typeof KINDS)[number], string>>>

type Sketches = Map<string, HyperLogLog>

interface Slice {
  readonly starts: EpochSeconds
  readonly ends: EpochSeconds
  readonly expires: EpochSeconds
  readonly sketches: Sketches
}

interface Open {
  readonly slices: Map<string, Slice>
  readonly unsaved: Set<Slice>
  saved: EpochSeconds
  /** Of the slices that a window reaches, by kind: made anew when the window leaves one behind. */
  union: { readonly of: string; readonly sketches: Sketches } | undefined
  /** Made once a second. */
  estimate: { readonly at: string; readonly totals: SightingTotals } | undefined
}

/**
 * How many networks and devices used what is counted by a key, estimated by HyperLogLog: for keys with
 * more than can be kept one by one. Written at most once a second; a crash loses no more than that.
 */
export class SharingSketches {
  readonly #load: StatementSync
  readonly #save: StatementSync
  readonly #prune: StatementSync
  readonly #open: LRUCache<string, Open>

  constructor(database: DatabaseSync) {
    this.#load = database.prepare(
      'SELECT kind, starts, ends, expires, sketch FROM sharing_sketch WHERE counted = ?',
    )
    this.#save = database.prepare(
      `INSERT INTO sharing_sketch (counted, starts, ends, kind, sketch, expires)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (counted, starts, ends, kind) DO UPDATE SET
       sketch = excluded.sketch, expires = max(expires, excluded.expires)`,
    )
    this.#prune = database.prepare('DELETE FROM sharing_sketch WHERE expires <= ?')
    this.#open = new LRUCache({
      max: MAX_OPEN,
      dispose: (open, key, reason) => {
        if (reason === 'evict') this.#write(key, open)
      },
    })
  }

  /** Adds a use to the slice that `seen` falls into. */
  add(key: string, values: SketchValues, seen: EpochSeconds, windowSeconds: number): void {
    const open = this.#openOf(key)
    const width = Math.ceil(windowSeconds / SLICES_PER_WINDOW)
    const starts = Math.floor(seen / width) * width
    const ends = starts + width
    const id = `${starts}-${ends}`
    let slice = open.slices.get(id)
    if (!slice) {
      slice = { starts, ends, expires: ends + windowSeconds, sketches: new Map() }
      open.slices.set(id, slice)
    }
    addTo(slice.sketches, values)
    if (open.union?.of.split(' ').includes(id)) addTo(open.union.sketches, values)
    open.unsaved.add(slice)
  }

  /** Writes what was added, unless this second has been written. */
  save(key: string, now: EpochSeconds): void {
    const open = this.#openOf(key)
    if (open.saved === now) return
    open.saved = now
    this.#write(key, open)
  }

  /** How many of each there are in the slices that reach beyond a moment. */
  totals(key: string, after: EpochSeconds, latest: EpochSeconds): SightingTotals {
    const open = this.#openOf(key)
    const at = `${after} ${latest}`
    if (open.estimate?.at !== at) open.estimate = { at, totals: estimate(open, after) }
    return open.estimate.totals
  }

  prune(now: EpochSeconds): void {
    for (const [key, open] of this.#open) {
      this.#write(key, open)
      for (const [id, slice] of open.slices) if (slice.expires <= now) open.slices.delete(id)
    }
    this.#prune.run(now)
  }

  #openOf(key: string): Open {
    const known = this.#open.get(key)
    if (known) return known
    const open: Open = {
      slices: new Map(),
      unsaved: new Set(),
      saved: 0,
      union: undefined,
      estimate: undefined,
    }
    for (const row of this.#load.all(key)) {
      const starts = Number(row['starts'])
      const ends = Number(row['ends'])
      const id = `${starts}-${ends}`
      const slice = open.slices.get(id) ?? {
        starts,
        ends,
        expires: Number(row['expires']),
        sketches: new Map<string, HyperLogLog>(),
      }
      open.slices.set(id, slice)
      const bytes = Buffer.from(row['sketch'] as Uint8Array)
      slice.sketches.set(String(row['kind']), HyperLogLog.deserialize(bytes))
    }
    this.#open.set(key, open)
    return open
  }

  #write(key: string, { unsaved }: Open): void {
    for (const { starts, ends, expires, sketches } of unsaved) {
      for (const [kind, sketch] of sketches) {
        this.#save.run(key, starts, ends, kind, sketch.serialize(), expires)
      }
    }
    unsaved.clear()
  }
}

function addTo(sketches: Sketches, values: SketchValues): void {
  for (const kind of KINDS) {
    const value = values[kind]
    if (value === undefined) continue
    let sketch = sketches.get(kind)
    if (!sketch) sketches.set(kind, (sketch = new HyperLogLog({ precision: PRECISION })))
    sketch.add(value)
  }
}

function estimate(open: Open, after: EpochSeconds): SightingTotals {
  const recent = [...open.slices].filter(([, { ends }]) => ends > after)
  const of = recent.map(([id]) => id).join(' ')
  if (open.union?.of !== of) {
    open.union = { of, sketches: unionOf(recent.map(([, { sketches }]) => sketches)) }
  }
  const { sketches } = open.union
  const count = (kind: (typeof KINDS)[number]): number => sketches.get(kind)?.count() ?? 0
  return {
    networks: count('networks'),
    groups: count('groups'),
    asns: count('asns'),
    countries: count('countries'),
    devices: count('devices'),
  }
}

function unionOf(slices: readonly Sketches[]): Sketches {
  const union: Sketches = new Map()
  for (const kind of KINDS) {
    const sketches = slices.flatMap((slice) => slice.get(kind) ?? [])
    // a merge makes a new sketch: those of the slices stay as they are
    const empty = new HyperLogLog({ precision: PRECISION })
    if (sketches.length > 0)
      union.set(
        kind,
        sketches.reduce((sum, one) => sum.merge(one), empty),
      )
  }
  return union
}
