import type { Lease, LeaseOutcome, LeaseRequest, LeaseStore } from './lease.ts'

/** Leases in the memory of one process: its end frees them all. */
export class EmbeddedLeaseStore implements LeaseStore {
  readonly #connections = new Map<string, number>()
  readonly #downloads = new Map<string, Map<string, number>>()
  #held = 0

  get held(): number {
    return this.#held
  }

  acquire({ download, maxConnections, limits }: LeaseRequest): LeaseOutcome {
    const open = this.#connections.get(download) ?? 0
    if (open >= maxConnections) {
      return { outcome: 'refused', by: 'connections', limit: maxConnections }
    }
    for (const { key, max } of limits) {
      const downloads = this.#downloads.get(key)
      if (downloads && !downloads.has(download) && downloads.size >= max) {
        return { outcome: 'refused', by: 'downloads', limit: max }
      }
    }
    this.#connections.set(download, open + 1)
    for (const { key } of limits) {
      let downloads = this.#downloads.get(key)
      if (!downloads) this.#downloads.set(key, (downloads = new Map()))
      downloads.set(download, (downloads.get(download) ?? 0) + 1)
    }
    this.#held++
    return {
      outcome: 'held',
      lease: this.#lease(
        download,
        limits.map((limit) => limit.key),
      ),
    }
  }

  #lease(download: string, keys: readonly string[]): Lease {
    let held = true
    return {
      release: () => {
        if (!held) return
        held = false
        this.#held--
        decrement(this.#connections, download)
        for (const key of keys) {
          const downloads = this.#downloads.get(key)
          if (!downloads) continue
          decrement(downloads, download)
          if (downloads.size === 0) this.#downloads.delete(key)
        }
      },
    }
  }

  openDownloads(key: string): number {
    return this.#downloads.get(key)?.size ?? 0
  }
}

function decrement(counts: Map<string, number>, key: string): void {
  const count = counts.get(key) ?? 0
  if (count > 1) counts.set(key, count - 1)
  else counts.delete(key)
}
