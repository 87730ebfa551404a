import type { ByteSink, Transfer } from '../../src/base/byte-sink.ts'
import { GatewayError } from '../../src/base/failure.ts'
import type {
  MissingObject,
  ObjectMeta,
  ObjectRequest,
  OpenObject,
  Origin,
} from '../../src/origin/origin.ts'

/** An object and what its origin says of it; `size` follows from the bytes unless it is overridden. */
export interface MemoryObject {
  readonly bytes: Uint8Array
  readonly meta?: Partial<ObjectMeta>
}

/**
 * Objects from a map, in pieces of `chunkSize` bytes, one piece a turn of the event loop. Counts what is
 * open, so that a test sees whether all of it was given back.
 */
export class MemoryOrigin implements Origin {
  readonly kind = 'memory'
  readonly requests: ObjectRequest[] = []
  chunkSize: number
  /** Thrown by the next `open` calls. */
  openFailure: GatewayError | undefined
  /** Each transfer fails after so many bytes. */
  failAfterBytes = Infinity
  /** Objects that were opened and not closed. */
  openObjects = 0
  isClosed = false
  readonly #objects: Map<string, MemoryObject>

  constructor(
    objects: Record<string, string | Uint8Array | MemoryObject> = {},
    options: { chunkSize?: number } = {},
  ) {
    this.chunkSize = options.chunkSize ?? 16 * 1024
    this.#objects = new Map(
      Object.entries(objects).map(([name, object]) => [name, asObject(object)]),
    )
  }

  set(name: string, object: string | Uint8Array | MemoryObject): void {
    this.#objects.set(name, asObject(object))
  }

  delete(name: string): void {
    this.#objects.delete(name)
  }

  open(request: ObjectRequest): Promise<OpenObject | MissingObject> {
    this.requests.push(request)
    if (this.openFailure) return Promise.reject(this.openFailure)
    const object = this.#objects.get(request.name)
    if (!object) return Promise.resolve({ state: 'missing' })
    this.openObjects++
    let isOpen = true
    let transfer: MemoryTransfer | undefined
    return Promise.resolve({
      state: 'found',
      meta: {
        size: object.bytes.length,
        etag: '"memory"',
        lastModified: 1_700_000_000,
        contentType: 'application/octet-stream',
        contentEncoding: undefined,
        contentLanguage: undefined,
        ...object.meta,
      },
      send: (start: number, end: number, sink: ByteSink): Transfer => {
        transfer = new MemoryTransfer(
          object.bytes.subarray(start, end),
          sink,
          this.chunkSize,
          this.failAfterBytes,
        )
        return transfer
      },
      close: () => {
        transfer?.abort()
        if (isOpen) this.openObjects--
        isOpen = false
      },
    })
  }

  close(): void {
    this.isClosed = true
  }
}

class MemoryTransfer implements Transfer {
  readonly #bytes: Uint8Array
  readonly #sink: ByteSink
  readonly #chunkSize: number
  readonly #failAfter: number
  #position = 0
  #isHeld = false
  #isOver = false

  constructor(bytes: Uint8Array, sink: ByteSink, chunkSize: number, failAfter: number) {
    this.#bytes = bytes
    this.#sink = sink
    this.#chunkSize = chunkSize
    this.#failAfter = failAfter
    setImmediate(this.#step)
  }

  resume(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    setImmediate(this.#step)
  }

  abort(): void {
    this.#isOver = true
  }

  readonly #step = (): void => {
    if (this.#isOver) return
    const limit = Math.min(this.#bytes.length, this.#failAfter)
    if (this.#position < limit) {
      const next = Math.min(limit, this.#position + this.#chunkSize)
      const chunk = this.#bytes.subarray(this.#position, next)
      this.#position = next
      this.#isHeld = !this.#sink.write(chunk)
      if (!this.#isHeld) setImmediate(this.#step)
      return
    }
    this.#isOver = true
    if (limit === this.#bytes.length) this.#sink.end()
    else this.#sink.fail(new GatewayError('ERR_ORIGIN_READ', 'the memory origin was told to fail'))
  }
}

function asObject(object: string | Uint8Array | MemoryObject): MemoryObject {
  if (typeof object === 'string') return { bytes: Buffer.from(object) }
  return object instanceof Uint8Array ? { bytes: object } : object
}
