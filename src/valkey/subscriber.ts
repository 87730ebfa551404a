import { Cluster } from 'ioredis'
import { type Client, COMMAND_TIMEOUT_MS } from './client.ts'
import { within } from './failure.ts'

/** The channels that this process listens to, through every reconnect. */
export class Subscriber {
  readonly #client: Client
  readonly #listeners = new Map<string, Set<(message: string) => void>>()

  /** A connection that listens can do nothing else; a Cluster client keeps one for that by itself. */
  constructor(client: Client) {
    this.#client = client
    client.on('error', () => undefined)
    client.on('message', (channel: string, message: string) => {
      for (const listener of this.#listeners.get(channel) ?? []) listener(message)
    })
    client.on('ready', () => {
      void this.#listen([...this.#listeners.keys()])
    })
  }

  /** Resolves once messages come, or at once while there is no connection: they come with it. */
  async subscribe(channel: string, listener: (message: string) => void): Promise<void> {
    const listeners = this.#listeners.get(channel) ?? new Set()
    this.#listeners.set(channel, listeners.add(listener))
    if (this.#client.status === 'ready') await this.#listen([channel])
  }

  /** Nothing comes through a connection that is dead, and nobody would notice. */
  async check(): Promise<void> {
    if (this.#client instanceof Cluster || this.#client.status !== 'ready') return
    await this.#orReconnect(this.#client.ping())
  }

  close(): void {
    this.#client.disconnect()
  }

  async #listen(channels: readonly string[]): Promise<void> {
    if (channels.length > 0) await this.#orReconnect(this.#client.subscribe(...channels))
  }

  async #orReconnect(answer: Promise<unknown>): Promise<void> {
    try {
      await within(COMMAND_TIMEOUT_MS, answer)
    } catch {
      if (this.#client.status === 'ready') this.#client.disconnect(true)
    }
  }
}
