import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import type { EpochSeconds } from '../base/clock.ts'
import {
  type Flow,
  groupKey,
  type NetworkSighting,
  type SeenNetwork,
  type Sightings,
} from '../base/sightings.ts'
import { inTransaction } from './database.ts'
import { OpenFlows } from './open-flows.ts'
import { SharingSketches, type SketchValues } from './sharing-sketches.ts'
import type { SharingStore } from './sharing-store.ts'

/** Networks and devices of one key that are kept one by one; of more, the number is estimated. */
const MAX_EXACT = 64

/** From where links are used, on disk, and the transfers that run, in memory. */
export class SharingLedger implements SharingStore {
  readonly #database: DatabaseSync
  readonly #flows = new OpenFlows()
  readonly #sketches: SharingSketches
  readonly #networks: StatementSync
  readonly #devices: StatementSync
  readonly #find: StatementSync
  readonly #saveNetwork: StatementSync
  readonly #saveDevice: StatementSync
  readonly #overflow: StatementSync
  readonly #beyond: StatementSync
  readonly #saveBeyond: StatementSync
  readonly #trims: readonly StatementSync[]
  readonly #prunes: readonly StatementSync[]

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#sketches = new SharingSketches(database)
    this.#networks = database.prepare(
      `SELECT network, country, asn, relay, device, first, seen FROM sharing_network
       WHERE counted = ? AND seen > ? ORDER BY seen, network`,
    )
    this.#devices = database.prepare(
      'SELECT device, seen FROM sharing_device WHERE counted = ? AND seen > ? ORDER BY seen, device',
    )
    this.#find = database.prepare(
      `SELECT network.seen, network.expires, network.device, sharing_device.device AS known
       FROM sharing_network AS network LEFT JOIN sharing_device
       ON sharing_device.counted = network.counted AND sharing_device.device = ?3
       WHERE network.counted = ?1 AND network.network = ?2`,
    )
    this.#saveNetwork = database.prepare(
      `INSERT INTO sharing_network
       (counted, network, country, asn, relay, device, first, seen, expires)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)
       ON CONFLICT (counted, network) DO UPDATE SET country = excluded.country,
       asn = excluded.asn, relay = excluded.relay, device = excluded.device,
       first = iif(expires > excluded.seen, first, excluded.first),
       seen = excluded.seen, expires = max(expires, excluded.expires)`,
    )
    this.#saveDevice = database.prepare(
      `INSERT INTO sharing_device (counted, device, seen, expires) VALUES (?, ?, ?, ?)
       ON CONFLICT (counted, device) DO UPDATE SET
       seen = excluded.seen, expires = max(expires, excluded.expires)`,
    )
    this.#overflow = database.prepare(
      `SELECT max(seen) AS latest FROM (
       SELECT * FROM (SELECT seen, expires FROM sharing_network WHERE counted = ?1
       ORDER BY seen DESC LIMIT -1 OFFSET ${MAX_EXACT})
       UNION ALL SELECT * FROM (SELECT seen, expires FROM sharing_device WHERE counted = ?1
       ORDER BY seen DESC LIMIT -1 OFFSET ${MAX_EXACT})) WHERE expires > ?2`,
    )
    this.#beyond = database.prepare('SELECT at FROM sharing_beyond WHERE counted = ? AND at > ?')
    this.#saveBeyond = database.prepare(
      `INSERT INTO sharing_beyond (counted, at, expires) VALUES (?, ?, ?)
       ON CONFLICT (counted) DO UPDATE SET
       at = excluded.at, expires = max(expires, excluded.expires)`,
    )
    this.#trims = ['network', 'device'].map((kind) =>
      database.prepare(
        `DELETE FROM sharing_${kind} WHERE counted = ?1 AND ${kind} IN
         (SELECT ${kind} FROM sharing_${kind} WHERE counted = ?1
         ORDER BY seen DESC LIMIT -1 OFFSET ${MAX_EXACT})`,
      ),
    )
    this.#prunes = ['network', 'device', 'beyond'].map((kind) =>
      database.prepare(`DELETE FROM sharing_${kind} WHERE expires <= ?`),
    )
  }

  sightings(key: string, after: EpochSeconds): Sightings {
    const networks = this.#networks.all(key, after).map(networkOf)
    const devices = this.#devices.all(key, after).map(({ device }) => String(device))
    const isFull = networks.length >= MAX_EXACT || devices.length >= MAX_EXACT
    const estimates =
      isFull && this.#beyond.get(key, after)
        ? this.#sketches.totals(key, after, networks.at(-1)?.lastSeen ?? after)
        : undefined
    return { networks, devices, estimates, flows: this.#flows.of(key) }
  }

  /** Written at once; the many ranges of one download cost one write a second. */
  record(key: string, sighting: NetworkSighting, now: EpochSeconds, windowSeconds: number): void {
    const { network, country, asn, isRelay, device } = sighting
    const expires = now + windowSeconds
    const known = this.#find.get(key, network, device)
    const isWritten = known?.['device'] === device && known['known'] !== null
    if (isWritten && Number(known['seen']) >= now && Number(known['expires']) >= expires) return
    const relay = isRelay ? 1 : 0
    inTransaction(this.#database, () => {
      this.#saveNetwork.run(key, network, country ?? '', asn ?? null, relay, device, now, expires)
      this.#saveDevice.run(key, device, now, expires)
      const wasBeyond = this.#beyond.get(key, now - windowSeconds) !== undefined
      const isNew = !known || known['known'] === null
      const isBeyond = isNew && this.#makeRoom(key, now, windowSeconds, wasBeyond)
      if (!wasBeyond && !isBeyond) return
      this.#sketches.add(key, valuesOf(sighting), now, windowSeconds)
      this.#sketches.save(key, now)
    })
  }

  enter(key: string, flow: Flow): () => void {
    return this.#flows.enter(key, flow)
  }

  prune(now: EpochSeconds): void {
    for (const prune of this.#prunes) prune.run(now)
    this.#sketches.prune(now)
  }

  /** Drops the oldest of too many; what a window still holds is estimated from then on. */
  #makeRoom(key: string, now: EpochSeconds, windowSeconds: number, wasBeyond: boolean): boolean {
    const latest = this.#overflow.get(key, now)?.['latest']
    if (typeof latest !== 'number') return false
    if (!wasBeyond) this.#beginSketches(key, now - windowSeconds, windowSeconds)
    this.#saveBeyond.run(key, latest, latest + windowSeconds)
    for (const trim of this.#trims) trim.run(key)
    return true
  }

  #beginSketches(key: string, after: EpochSeconds, windowSeconds: number): void {
    for (const row of this.#networks.all(key, after)) {
      const { lastSeen, ...seen } = networkOf(row)
      this.#sketches.add(key, valuesOf(seen), lastSeen, windowSeconds)
    }
    for (const { device, seen } of this.#devices.all(key, after)) {
      this.#sketches.add(key, { devices: String(device) }, Number(seen), windowSeconds)
    }
  }
}

function networkOf(row: Record<string, SQLOutputValue>): SeenNetwork {
  return {
    network: String(row['network']),
    country: row['country'] === '' ? undefined : String(row['country']),
    asn: row['asn'] === null ? undefined : Number(row['asn']),
    isRelay: row['relay'] === 1,
    device: String(row['device']),
    firstSeen: Number(row['first']),
    lastSeen: Number(row['seen']),
  }
}

function valuesOf(sighting: NetworkSighting): SketchValues {
  const { network, country, asn, isRelay, device } = sighting
  return {
    networks: network,
    groups: groupKey(sighting),
    ...(asn !== undefined && { asns: String(asn) }),
    ...(!isRelay && { countries: country ?? 'unknown' }),
    devices: device,
  }
}
