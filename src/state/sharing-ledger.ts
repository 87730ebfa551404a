import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { EpochSeconds } from '../base/clock.ts'

/** More networks of one link are not kept: the limits of policies end there. */
const MAX_NETWORKS = 64

/** A download that began by a link. */
export interface NetworkSighting {
  /** What the link is counted by. */
  readonly link: string
  readonly network: string
  readonly country: string | undefined
  readonly now: EpochSeconds
  /** Until when a policy asks for it. */
  readonly expires: EpochSeconds
}

/** From which networks and countries a link was used, on disk. */
export class SharingLedger {
  readonly #since: StatementSync
  readonly #find: StatementSync
  readonly #save: StatementSync
  readonly #trim: StatementSync
  readonly #prune: StatementSync

  constructor(database: DatabaseSync) {
    this.#since = database.prepare(
      'SELECT network, country FROM link_network WHERE link = ? AND seen > ? ORDER BY seen, network',
    )
    this.#find = database.prepare(
      'SELECT seen, expires FROM link_network WHERE link = ? AND network = ?',
    )
    this.#save = database.prepare(
      `INSERT INTO link_network (link, network, country, seen, expires) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (link, network) DO UPDATE SET
       country = excluded.country, seen = excluded.seen, expires = max(expires, excluded.expires)`,
    )
    this.#trim = database.prepare(
      `DELETE FROM link_network WHERE link = ?1 AND network NOT IN
       (SELECT network FROM link_network WHERE link = ?1 ORDER BY seen DESC LIMIT ${MAX_NETWORKS})`,
    )
    this.#prune = database.prepare('DELETE FROM link_network WHERE expires <= ?')
  }

  /** The networks that were seen after a moment, the latest last. */
  since(
    link: string,
    after: EpochSeconds,
  ): { readonly network: string; readonly country: string | undefined }[] {
    return this.#since.all(link, after).map((row) => ({
      network: String(row['network']),
      country: row['country'] === '' ? undefined : String(row['country']),
    }))
  }

  /** Writes a sighting down, at once; the many ranges of one download cost one write a second. */
  record({ link, network, country, now, expires }: NetworkSighting): void {
    const known = this.#find.get(link, network)
    if (known && Number(known['seen']) >= now && Number(known['expires']) >= expires) return
    this.#save.run(link, network, country ?? '', now, expires)
    if (!known) this.#trim.run(link)
  }

  prune(now: EpochSeconds): void {
    this.#prune.run(now)
  }
}
