import { asGatewayError, type FailureCode, GatewayError } from '../base/failure.ts'

/** What one side of a channel does for the other, by name: one argument, one answer. */
export type Calls<T> = { readonly [K in keyof T]: (argument: never) => unknown }

type Argument<F> = F extends (argument: infer A) => unknown ? A : never
type Answer<F> = F extends (argument: never) => infer R ? Awaited<R> : never

type Message =
  | { readonly kind: 'tell'; readonly name: string; readonly value: unknown }
  | { readonly kind: 'ask'; readonly name: string; readonly value: unknown; readonly id: number }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | {
      readonly kind: 'failure'
      readonly id: number
      readonly code: FailureCode
      readonly text: string
    }

/** Messages as they travel: those of one turn of the event loop together. */
export type Batch = readonly Message[]

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

export interface ChannelOptions<Mine> {
  /** Hands a batch to the other process; it comes there in order, or never. */
  readonly post: (batch: Batch) => void
  readonly calls: Mine
  /** What was only told has nobody who waits for its failure. */
  readonly onFailure: (error: GatewayError) => void
}

/**
 * Calls between two processes, in order. What is sent within one turn of the event loop goes in one
 * message: a system call costs more than all else.
 */
export class Channel<Mine extends Calls<Mine>, Theirs extends Calls<Theirs>> {
  readonly #options: ChannelOptions<Mine>
  readonly #waiting = new Map<number, Waiting>()
  #queue: Message[] = []
  #next = 0
  #isClosed = false

  constructor(options: ChannelOptions<Mine>) {
    this.#options = options
  }

  /** Fails with `ERR_STATE_UNAVAILABLE` when the other process is gone. */
  ask<N extends keyof Theirs & string>(
    name: N,
    value: Argument<Theirs[N]>,
  ): Promise<Answer<Theirs[N]>> {
    if (this.#isClosed) return Promise.reject(gone())
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject })
      this.#send({ kind: 'ask', name, value, id })
    })
  }

  tell<N extends keyof Theirs & string>(name: N, value: Argument<Theirs[N]>): void {
    this.#send({ kind: 'tell', name, value })
  }

  /** What comes after the end would be begun for nobody. */
  receive(batch: Batch): void {
    if (this.#isClosed) return
    for (const message of batch) this.#take(message)
  }

  /** The other process is gone: nobody waits any longer. */
  close(): void {
    this.#isClosed = true
    for (const { reject } of this.#waiting.values()) reject(gone())
    this.#waiting.clear()
  }

  #take(message: Message): void {
    switch (message.kind) {
      case 'tell':
        this.#run(message.name, message.value).catch((error: unknown) => {
          this.#options.onFailure(asGatewayError(error))
        })
        return
      case 'ask': {
        const { id } = message
        this.#run(message.name, message.value).then(
          (value) => {
            this.#send({ kind: 'answer', id, value })
          },
          (error: unknown) => {
            const { code, message: text, cause } = asGatewayError(error)
            const why = code === 'ERR_INTERNAL' && cause instanceof Error ? cause.message : text
            this.#send({ kind: 'failure', id, code, text: why })
          },
        )
        return
      }
      case 'answer':
        this.#settle(message.id)?.resolve(message.value)
        return
      case 'failure':
        this.#settle(message.id)?.reject(new GatewayError(message.code, message.text))
        return
      default:
        message satisfies never
    }
  }

  async #run(name: string, value: unknown): Promise<unknown> {
    const { calls } = this.#options
    const call: unknown = Object.hasOwn(calls, name) ? calls[name as keyof Mine] : undefined
    if (typeof call !== 'function') throw new Error(`no call is named ${name}`)
    return await (call as (argument: unknown) => unknown)(value)
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  #send(message: Message): void {
    if (this.#isClosed) return
    if (this.#queue.length === 0) {
      setImmediate(() => {
        const batch = this.#queue
        this.#queue = []
        if (!this.#isClosed) this.#options.post(batch)
      })
    }
    this.#queue.push(message)
  }
}

function gone(): GatewayError {
  return new GatewayError('ERR_STATE_UNAVAILABLE', 'the other process is gone')
}
