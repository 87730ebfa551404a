import { createServer, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MAX_PLAIN_HEAD, readPlainHead } from '../../../../src/http/plain/plain-head.ts'

const GET = 'GET /files/a.bin?x=1&Signature=a-b_c HTTP/1.1\r\nHost: x\r\n'

describe('a plain head', () => {
  test('is read with its fields as they came, and its end', () => {
    expect(readPlainHead(`${GET}User-Agent: curl/8\r\nAccept:*/*\r\n\r\nGET /b`)).toEqual({
      method: 'GET',
      url: '/files/a.bin?x=1&Signature=a-b_c',
      rawHeaders: ['Host', 'x', 'User-Agent', 'curl/8', 'Accept', '*/*'],
      isLast: false,
      end: GET.length + 34,
    })
  })

  test.each([
    ['close', true],
    ['Close', true],
    ['keep-alive', false],
    ['Keep-Alive', false],
  ])('with Connection: %s is the last one: %s', (value, isLast) => {
    expect(readPlainHead(`${GET}connection: ${value}\r\n\r\n`)?.isLast).toBe(isLast)
  })

  test.each([
    ['is cut short', GET],
    ['is cut in a line', `${GET}Accep`],
    ['has no fields', 'GET / HTTP/1.1\r\n\r\n'],
    ['has another method', 'POST / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['has a method in small letters', 'get / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['is of HTTP/1.0', 'GET / HTTP/1.0\r\nHost: x\r\n\r\n'],
    ['has an absolute target', 'GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['has a byte above ASCII in the target', 'GET /\xe9 HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['has a fragment', 'GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['has two blanks', 'GET  / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['begins with an empty line', `\r\n${GET}\r\n`],
    ['has a bare LF', 'GET / HTTP/1.1\nHost: x\n\n'],
    ['has a bare CR', `${GET}A: b\rC: d\r\n\r\n`],
    ['has a folded line', `${GET}A: b\r\n c\r\n\r\n`],
    ['has a blank in front of a colon', `${GET}A : b\r\n\r\n`],
    ['has an empty value', `${GET}A:\r\n\r\n`],
    ['has a blank at the end of a value', `${GET}A: b \r\n\r\n`],
    ['has a tab', `${GET}A:\tb\r\n\r\n`],
    ['has a NUL', `${GET}A: b\0c\r\n\r\n`],
    ['has a length', `${GET}Content-Length: 0\r\n\r\n`],
    ['has a coding', `${GET}transfer-encoding: chunked\r\n\r\n`],
    ['expects something', `${GET}Expect: 100-continue\r\n\r\n`],
    ['wants an upgrade', `${GET}Upgrade: h2c\r\n\r\n`],
    ['has an unknown option of the connection', `${GET}Connection: close, x\r\n\r\n`],
    ['has two Connection fields', `${GET}Connection: close\r\nconnection: close\r\n\r\n`],
    ['is long', `${GET}A: ${'b'.repeat(MAX_PLAIN_HEAD)}\r\n\r\n`.slice(0, MAX_PLAIN_HEAD)],
  ])('that %s is none', (_, text) => {
    expect(readPlainHead(text)).toBeUndefined()
  })
})

/** One end of a connection in memory. */
class Wire extends Duplex {
  override _read(): void {}
  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done()
  }
}

describe('whatever is read as plain', () => {
  let seen: IncomingMessage | undefined
  const server = createServer({ requireHostHeader: false }, (request) => {
    seen ??= request
  })
  server.on('clientError', () => {})

  beforeAll(() => {
    server.emit('listening')
  })
  afterAll(() => {
    server.close()
  })

  /** What node's own parser makes of it. */
  async function byNode(text: string): Promise<IncomingMessage | undefined> {
    seen = undefined
    const wire = new Wire()
    server.emit('connection', wire)
    wire.push(Buffer.from(text, 'latin1'))
    await new Promise((resolve) => setImmediate(resolve))
    wire.destroy()
    return seen
  }

  const piece = fc.oneof(
    fc.constantFrom(
      ...['GET', 'HEAD', 'POST', ' ', '/', 'a.bin', '?x=1', '%2e', ' HTTP/1.1', 'HTTP/1.0', '\r\n'],
      ...['\n', '\r', '\t', '\0', ':', ': ', 'Host: x\r\n', 'Accept: */*', 'Range: bytes=0-\r\n'],
      ...['Connection: ', 'close', 'keep-alive', ', ', 'Content-Length: 3', 'Expect: 100-continue'],
      ...[
        'Transfer-Encoding: chunked',
        'X-Y',
        '\x7f',
        '\xe9',
        '"',
        '#',
        '{',
        '|',
        '~',
        "'",
        '[::]',
      ],
    ),
    fc.string({ maxLength: 6, unit: 'binary-ascii' }),
  )
  const heads = fc
    .tuple(
      fc.constantFrom('GET /a HTTP/1.1\r\nHost: x\r\n', 'HEAD /b?c=d HTTP/1.1\r\n', ''),
      fc.array(piece, { maxLength: 12 }),
      fc.constantFrom('\r\n\r\n', '\r\n', ''),
    )
    .map(([begin, pieces, end]) => begin + pieces.join('') + end)

  test('is what node reads, to the letter', async () => {
    let read = 0
    await fc.assert(
      fc.asyncProperty(heads, async (text) => {
        const head = readPlainHead(text)
        if (!head) return
        read++
        const other = await byNode(text.slice(0, head.end))
        expect(other?.complete).toBe(true)
        expect({
          method: other?.method,
          url: other?.url,
          rawHeaders: other?.rawHeaders,
          httpVersion: other?.httpVersion,
        }).toEqual({
          method: head.method,
          url: head.url,
          rawHeaders: head.rawHeaders,
          httpVersion: '1.1',
        })
      }),
      { numRuns: 20_000 },
    )
    expect(read).toBeGreaterThan(500)
  })
})
