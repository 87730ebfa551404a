import type { z } from 'zod'
import type { ValkeyConnection } from './connection.ts'

/** What nodes tell each other goes over this channel. */
export function eventsChannel(prefix: string): string {
  return `${prefix}events`
}

/**
 * JSON messages of one channel, told apart by their `type`. What is not JSON, or not of the shape that
 * is listened for, comes from a node of another version and is ignored.
 */
export class Events {
  readonly channel: string
  readonly #connection: ValkeyConnection
  readonly #listeners = new Map<string, Set<(message: unknown) => void>>()

  constructor(connection: ValkeyConnection, channel = eventsChannel(connection.prefix)) {
    this.#connection = connection
    this.channel = channel
  }

  /** To be called once, before anything is awaited of other nodes. */
  async start(): Promise<void> {
    await this.#connection.subscribe(this.channel, (text) => {
      this.#receive(text)
    })
  }

  /** The returned function ends it. */
  on<Schema extends z.ZodType>(
    type: string,
    schema: Schema,
    listener: (message: z.output<Schema>) => void,
  ): () => void {
    const receive = (message: unknown): void => {
      const read = schema.safeParse(message)
      if (read.success) listener(read.data)
    }
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners.add(receive))
    return () => {
      listeners.delete(receive)
    }
  }

  async publish(
    message: Readonly<Record<string, unknown>> & { readonly type: string },
  ): Promise<void> {
    await this.#connection.publish(this.channel, JSON.stringify(message))
  }

  #receive(text: string): void {
    const message = parse(text)
    if (typeof message !== 'object' || message === null || !('type' in message)) return
    for (const receive of this.#listeners.get(String(message.type)) ?? []) receive(message)
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
