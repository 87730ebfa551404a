import type { Cancellation } from '../base/cancellation.ts'
import { GatewayError } from '../base/failure.ts'
import type { OpenObject } from '../origin/origin.ts'
import type { ByteReader } from './carrier.ts'

/** Reads single stretches of an open object, one at a time. */
export class ObjectReader implements ByteReader {
  readonly size: number
  readonly #object: OpenObject
  readonly #signal: Cancellation

  /** `signal` ends a read whose client is gone: a closed object would never end it. */
  constructor(object: OpenObject, size: number, signal: Cancellation) {
    this.#object = object
    this.size = size
    this.#signal = signal
  }

  read(start: number, end: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#signal.aborted) {
        reject(aborted())
        return
      }
      const bytes = Buffer.alloc(end - start)
      let length = 0
      const onAbort = (): void => {
        transfer.abort()
        reject(aborted())
      }
      const transfer = this.#object.send(start, end, {
        write(chunk) {
          bytes.set(chunk, length)
          length += chunk.length
          return true
        },
        end: () => {
          this.#signal.removeEventListener('abort', onAbort)
          resolve(bytes)
        },
        fail: (error) => {
          this.#signal.removeEventListener('abort', onAbort)
          reject(error)
        },
      })
      this.#signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}

function aborted(): GatewayError {
  return new GatewayError('ERR_CLIENT_ABORTED', 'the request was given up')
}
