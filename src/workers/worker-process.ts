import cluster, { type Worker } from 'node:cluster'
import type { GatewayError } from '../base/failure.ts'
import type { PrimaryCalls, WorkerCalls } from './calls.ts'
import { type Batch, Channel } from './channel.ts'

export interface WorkerProcessOptions {
  /** What the primary does for it; asked for with each message. */
  readonly calls: () => PrimaryCalls
  readonly onFailure: (error: GatewayError) => void
}

/** Messages that wait for a worker to read them; one that reads none any more must not fill the memory. */
const MAX_UNREAD = 10_000

/** A process that the primary started, and the calls between the two. */
export class WorkerProcess {
  readonly channel: Channel<PrimaryCalls, WorkerCalls>
  /** How it ended, when all that it said before was heard. */
  readonly ended: Promise<string>
  readonly #worker: Worker
  #unread = 0

  constructor({ calls, onFailure }: WorkerProcessOptions) {
    const worker = cluster.fork()
    this.#worker = worker
    this.channel = new Channel({
      post: this.#post,
      get calls() {
        return calls()
      },
      onFailure,
    })
    worker.on('message', (batch: Batch) => {
      this.channel.receive(batch)
    })
    const { promise, resolve } = Promise.withResolvers<string>()
    worker.on('error', (error) => {
      this.kill()
      if (worker.process.pid === undefined) resolve(error.message)
    })
    worker.once('exit', (code, signal) => {
      // its last messages may come behind its end
      const how = signal ?? String(code)
      if (!worker.isConnected()) resolve(how)
      else
        worker.once('disconnect', () => {
          resolve(how)
        })
    })
    this.ended = promise.finally(() => {
      this.channel.close()
    })
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL')
  }

  /** It ends when it has nothing open any more. */
  disconnect(): void {
    if (this.#worker.isConnected()) this.#worker.disconnect()
  }

  readonly #post = (batch: Batch): void => {
    this.#unread++
    const sent = (error: Error | null): void => {
      this.#unread--
      // one that hears of no revocation must not go on serving
      if (error) this.kill()
    }
    if (!this.#worker.isConnected()) sent(new Error('it is gone'))
    else if (this.#unread > MAX_UNREAD) sent(new Error('it reads nothing'))
    else this.#worker.send(batch, sent)
  }
}
