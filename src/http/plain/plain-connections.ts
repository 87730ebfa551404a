import type { Socket } from 'node:net'
import { PlainConnection, type PlainTerms } from './plain-connection.ts'

/** The connections whose requests are plain, so far. */
export class PlainConnections {
  readonly #open = new Set<PlainConnection>()
  readonly #terms: PlainTerms

  constructor(terms: Omit<PlainTerms, 'onClosed'>) {
    this.#terms = {
      ...terms,
      onClosed: (connection) => {
        this.#open.delete(connection)
      },
    }
  }

  accept(socket: Socket): void {
    this.#open.add(new PlainConnection(socket, this.#terms))
  }

  /** Closes those without a request. */
  closeIdle(): void {
    for (const connection of this.#open) if (connection.isIdle) connection.destroy()
  }

  /** Closes all, in the middle of what they do. */
  destroy(): void {
    for (const connection of this.#open) connection.destroy()
  }
}
