import type { ByteSink, Transfer } from '../base/byte-sink.ts'
import { shortDigest } from '../base/bytes.ts'
import type { GatewayError } from '../base/failure.ts'
import type { ObjectMeta, OpenObject } from '../origin/origin.ts'
import type { Patch, TagEdit } from './carrier.ts'

/** An object with a tag in it: the origin's bytes, some of them patched, and the suffix behind them. */
export class TaggedObject implements OpenObject {
  readonly state = 'found'
  readonly meta: ObjectMeta
  readonly #object: OpenObject
  readonly #size: number
  readonly #edit: TagEdit

  /** `size` is that of the object as it lies at its origin. */
  constructor(object: OpenObject, size: number, edit: TagEdit) {
    this.#object = object
    this.#size = size
    this.#edit = edit
    this.meta = {
      ...object.meta,
      size: size + edit.suffix.length,
      etag: object.meta.etag && taggedEtag(object.meta.etag, edit.suffix),
    }
  }

  send(start: number, end: number, sink: ByteSink): Transfer {
    const suffix = this.#edit.suffix.subarray(
      Math.max(0, start - this.#size),
      Math.max(0, end - this.#size),
    )
    const transfer = new TaggedTransfer(start, this.#edit.patches, suffix, sink)
    const limit = Math.min(end, this.#size)
    transfer.follow(start < limit ? this.#object.send(start, limit, transfer) : undefined)
    return transfer
  }

  close(): void {
    this.#object.close()
  }
}

/** Other bytes need another entity tag (RFC 9110 section 8.8.3); a weak one stays weak. */
function taggedEtag(etag: string, suffix: Buffer): string {
  return `${etag.slice(0, -1)}-t${shortDigest(suffix.toString('latin1'))}"`
}

/** Stands between the origin's transfer and the sink, as the sink of the one and the transfer of the other. */
class TaggedTransfer implements ByteSink, Transfer {
  readonly #patches: readonly Patch[]
  readonly #sink: ByteSink
  #suffix: Buffer | undefined
  #position: number
  #inner: Transfer | undefined
  #isOver = false

  constructor(start: number, patches: readonly Patch[], suffix: Buffer, sink: ByteSink) {
    this.#position = start
    this.#patches = patches
    this.#suffix = suffix
    this.#sink = sink
  }

  /** Begins: with the bytes of the origin, or without any of them. */
  follow(inner: Transfer | undefined): void {
    this.#inner = inner
    if (inner) return
    // the caller must hold the transfer before the sink is called
    queueMicrotask(() => {
      this.end()
    })
  }

  write(chunk: Uint8Array): boolean {
    const patched = overlay(chunk, this.#position, this.#patches)
    this.#position += chunk.length
    return this.#sink.write(patched)
  }

  /** The origin's bytes are through, or the suffix is. */
  end(): void {
    if (this.#isOver) return
    const suffix = this.#suffix
    this.#suffix = undefined
    if (suffix && suffix.length > 0 && !this.#sink.write(suffix)) return
    if (this.#isOver) return
    this.#isOver = true
    this.#sink.end()
  }

  fail(error: GatewayError): void {
    this.#isOver = true
    this.#sink.fail(error)
  }

  resume(): void {
    if (this.#suffix) this.#inner?.resume()
    else this.end()
  }

  abort(): void {
    this.#isOver = true
    this.#inner?.abort()
  }
}

/** The chunk with patches over it: a copy, since the memory is the source's. */
function overlay(chunk: Uint8Array, start: number, patches: readonly Patch[]): Uint8Array {
  const end = start + chunk.length
  let result = chunk
  for (const { offset, bytes } of patches) {
    const from = Math.max(start, offset)
    const to = Math.min(end, offset + bytes.length)
    if (from >= to) continue
    if (result === chunk) result = Buffer.from(chunk)
    result.set(bytes.subarray(from - offset, to - offset), from - start)
  }
  return result
}
