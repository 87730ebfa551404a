import { type Framing, malformed } from './response-fields.ts'

/** Bytes that chunk extensions and trailers of one body may have together. */
const MAX_EXTRA_BYTES = 16 * 1024
const MAX_CHUNK_SIZE_DIGITS = 12

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32
const SEMICOLON = 59
const DELETE = 127

/** Where a chunked body (RFC 9112 section 7.1) stands. */
type Step =
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer-start'
  | 'trailer'
  | 'trailer-lf'
  | 'last-lf'

/**
 * Finds the data in the bytes of a body. `read` returns where it stopped; the data it met lies between
 * `dataStart` and `dataEnd` of the same chunk, and no byte is copied.
 */
export class BodyReader {
  dataStart = 0
  dataEnd = 0
  /** The body is complete. A close-delimited one never is: the connection's end completes it. */
  isDone = false
  #framing: Framing = 'close'
  #left = 0
  #step: Step = 'size'
  #digits = 0
  #extra = 0

  /** `length` counts for the framing `length` alone. */
  begin(framing: Framing, length: number): void {
    this.#framing = framing
    this.#left = framing === 'length' ? length : 0
    this.isDone = framing === 'length' && length === 0
    this.#step = 'size'
    this.#digits = 0
    this.#extra = 0
  }

  get framing(): Framing {
    return this.#framing
  }

  /** Bytes that are still to come, as far as the framing tells. */
  get left(): number {
    return this.#framing === 'length' ? this.#left : Infinity
  }

  /** Passes over data of a counted body that was read elsewhere; its last byte is read here. */
  skip(bytes: number): void {
    this.#left -= bytes
  }

  /** Reads on until a piece of data, the end of the body, or the end of the chunk. Throws `GatewayError`. */
  read(chunk: Uint8Array, from: number, end: number): number {
    if (this.#framing === 'chunked') return this.#readChunked(chunk, from, end)
    const stop = this.#framing === 'length' ? Math.min(end, from + this.#left) : end
    this.dataStart = from
    this.dataEnd = stop
    if (this.#framing === 'length') {
      this.#left -= stop - from
      this.isDone = this.#left === 0
    }
    return stop
  }

  #readChunked(chunk: Uint8Array, from: number, end: number): number {
    this.dataStart = this.dataEnd = from
    let at = from
    while (at < end && !this.isDone) {
      if (this.#step === 'data') {
        const stop = Math.min(end, at + this.#left)
        this.dataStart = at
        this.dataEnd = stop
        this.#left -= stop - at
        if (this.#left === 0) this.#step = 'data-cr'
        return stop
      }
      this.#takeFraming(chunk[at++] as number)
    }
    return at
  }

  #takeFraming(byte: number): void {
    switch (this.#step) {
      case 'size':
        this.#takeSize(byte)
        break
      case 'extension':
        if (byte === CR) this.#step = 'size-lf'
        else this.#countExtra(byte)
        break
      case 'size-lf':
        expect(byte, LF)
        this.#step = this.#left === 0 ? 'trailer-start' : 'data'
        break
      case 'data-cr':
        expect(byte, CR)
        this.#step = 'data-lf'
        break
      case 'data-lf':
        expect(byte, LF)
        this.#digits = 0
        this.#step = 'size'
        break
      case 'trailer-start':
        this.#step = byte === CR ? 'last-lf' : 'trailer'
        if (byte !== CR) this.#countExtra(byte)
        break
      case 'trailer':
        if (byte === CR) this.#step = 'trailer-lf'
        else this.#countExtra(byte)
        break
      case 'trailer-lf':
        expect(byte, LF)
        this.#step = 'trailer-start'
        break
      case 'last-lf':
        expect(byte, LF)
        this.isDone = true
        break
      case 'data':
        break
      default:
        this.#step satisfies never
    }
  }

  #takeSize(byte: number): void {
    const digit = hexDigit(byte)
    if (digit >= 0) {
      if (++this.#digits > MAX_CHUNK_SIZE_DIGITS) throw malformed('chunk size')
      this.#left = this.#left * 16 + digit
    } else if (this.#digits > 0 && byte === CR) this.#step = 'size-lf'
    else if (this.#digits > 0 && byte === SEMICOLON) this.#step = 'extension'
    else throw malformed('chunk size')
  }

  #countExtra(byte: number): void {
    if ((byte < SPACE && byte !== TAB) || byte === DELETE)
      throw malformed('chunk extension or trailer')
    if (++this.#extra > MAX_EXTRA_BYTES) throw malformed('too many chunk extensions or trailers')
  }
}

function expect(byte: number, wanted: number): void {
  if (byte !== wanted) throw malformed('line end in a chunked body')
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
