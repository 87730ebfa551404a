import { connect, type TLSSocket } from 'node:tls'

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export const FRAME = { HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, GOAWAY: 7, CONTINUATION: 9 } as const
/** Of SETTINGS. */
export const ACK = 1
export const END_STREAM = 1
export const END_HEADERS = 4

/** A frame of RFC 9113 section 4.1. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** A field as a literal that enters no table (RFC 7541 section 6.2.2). */
export function field(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0), text(name), text(value)])
}

/** A string without Huffman code (RFC 7541 section 5.2). */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  const length: number[] = []
  if (bytes.length < 127) length.push(bytes.length)
  else {
    length.push(127)
    let rest = bytes.length - 127
    for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) | 128)
    length.push(rest)
  }
  return Buffer.concat([Buffer.from(length), bytes])
}

/** The field block of a GET. */
export function getFields(path: string, ...more: readonly Buffer[]): Buffer {
  return Buffer.concat([
    field(':method', 'GET'),
    field(':scheme', 'https'),
    field(':path', path),
    field(':authority', 'localhost'),
    ...more,
  ])
}

/** A client that writes frames as they are, right or wrong, and remembers those that come. */
export class RawHttp2 {
  readonly frames: { type: number; flags: number; stream: number; payload: Buffer }[] = []
  readonly closed: Promise<void>
  readonly #socket: TLSSocket
  #rest = Buffer.alloc(0)

  constructor({ host, port }: { readonly host: string; readonly port: number }) {
    const socket = connect({ host, port, ALPNProtocols: ['h2'], rejectUnauthorized: false })
    this.#socket = socket
    // a reset is an end, too
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      this.#take(chunk)
    })
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        resolve()
      })
    })
    this.write(PREFACE, frame(FRAME.SETTINGS, 0, 0))
  }

  write(...frames: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(frames))
  }

  of(type: number): readonly { stream: number; payload: Buffer }[] {
    return this.frames.filter((each) => each.type === type)
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    while (this.#rest.length >= 9) {
      const end = 9 + this.#rest.readUIntBE(0, 3)
      if (this.#rest.length < end) return
      this.frames.push({
        type: this.#rest[3] ?? 0,
        flags: this.#rest[4] ?? 0,
        stream: this.#rest.readUInt32BE(5),
        payload: this.#rest.subarray(9, end),
      })
      this.#rest = this.#rest.subarray(end)
    }
  }
}
