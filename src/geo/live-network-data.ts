import { stat } from 'node:fs/promises'
import type { Address } from '../base/address.ts'
import { stampOf } from '../base/file-stamp.ts'
import type { NetworkFacts } from '../base/network-facts.ts'
import { NetworkData } from './network-data.ts'
import { rereadNetworkFile } from './network-file.ts'
import { NETWORK_DATA, type NetworkDataName, type NetworkLookup } from './network-lookup.ts'

export interface LiveNetworkDataOptions {
  /** The files to watch, with absolute paths. */
  readonly files: { readonly [Name in NetworkDataName]?: string | undefined }
  readonly refreshSeconds: number
  readonly warn: (message: string) => void
}

/** The data in force. A file that changes is taken at the next interval; a broken one leaves the last good in force. */
export class LiveNetworkData implements NetworkLookup {
  #data: NetworkData
  readonly #options: LiveNetworkDataOptions
  readonly #timer: NodeJS.Timeout | undefined
  /** What was last seen of each file, good or not, so that each state of it is judged once. */
  readonly #seen = new Map<NetworkDataName, string>()
  /** What was last said of a file that stays unusable, so that it is said once. */
  readonly #warned = new Map<NetworkDataName, string>()
  #refreshing: Promise<void> | undefined
  #closed = false

  constructor(first: NetworkData, options: LiveNetworkDataOptions) {
    this.#data = first
    this.#options = options
    if (NETWORK_DATA.every((name) => options.files[name] === undefined)) return
    this.#timer = setInterval(() => {
      void this.refresh()
    }, options.refreshSeconds * 1000)
    this.#timer.unref()
  }

  find(address: Address): NetworkFacts {
    return this.#data.find(address)
  }

  builtAt(): ReturnType<NetworkLookup['builtAt']> {
    return this.#data.builtAt()
  }

  /** Looks at every file, and reads those that changed. Never rejects. */
  async refresh(): Promise<void> {
    this.#refreshing ??= this.#refreshAll().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
  }

  async #refreshAll(): Promise<void> {
    for (const name of NETWORK_DATA) {
      const file = this.#options.files[name]
      if (file !== undefined) await this.#refresh(name, file)
    }
  }

  async #refresh(name: NetworkDataName, file: string): Promise<void> {
    const stamp = await stat(file, { bigint: true }).then(stampOf, () => 'not there')
    if (this.#seen.get(name) === stamp) return
    const read = await rereadNetworkFile(name, file)
    if (this.#closed || 'changing' in read) return
    this.#seen.set(name, stamp)
    if ('unusable' in read) {
      this.#warn(name, `geo.${name} stays as it was: ${file} ${read.unusable}`)
      return
    }
    this.#warned.delete(name)
    if (read.database !== this.#data.databases[name]) {
      this.#data = new NetworkData({ ...this.#data.databases, [name]: read.database })
    }
  }

  #warn(name: NetworkDataName, message: string): void {
    if (this.#warned.get(name) === message) return
    this.#warned.set(name, message)
    this.#options.warn(message)
  }
}
