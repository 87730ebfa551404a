import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/base/failure.ts'
import { HttpOrigin, type HttpOriginOptions } from '../../../src/origin/http-origin.ts'
import type { ObjectRequest, OpenObject } from '../../../src/origin/origin.ts'
import { CollectingSink, readAll } from '../../support/collecting-sink.ts'
import { until } from '../../support/open-files.ts'
import { RawServer } from '../../support/raw-server.ts'

const OK = 'HTTP/1.1 200 OK\r\nETag: "v1"\r\n'
const HELLO = `${OK}Content-Length: 5\r\n\r\nhello`

let server: RawServer
let origin: HttpOrigin

function makeOrigin(options: Partial<HttpOriginOptions> = {}): HttpOrigin {
  return new HttpOrigin({
    url: server.url,
    headers: {},
    timeoutSeconds: 5,
    followRedirects: false,
    ...options,
  })
}

/** Answers the nth request with the nth text; the last one again and again. */
function answers(...texts: string[]): void {
  server.answer = (_head, socket, nth) => {
    socket.write(texts[Math.min(nth, texts.length) - 1] ?? '', 'latin1')
  }
}

async function find(request: Partial<ObjectRequest> = {}): Promise<OpenObject> {
  const found = await origin.open({ name: 'object', want: 'body', ...request })
  if (found.state !== 'found') throw new Error('missing')
  return found
}

async function read(
  object: OpenObject,
  start = 0,
  end = object.meta.size ?? Infinity,
): Promise<string> {
  const bytes = await readAll(object, start, end)
  object.close()
  return bytes.toString('latin1')
}

/** The method and the fields that differ from request to request. */
function asked(head: string): string {
  return head
    .replace(/ HTTP\/1\.1\r\nHost: .*\r\nUser-Agent: .*\r\nAccept-Encoding: .*\r\n/, ' ')
    .trim()
    .replaceAll('\r\n', ' ')
}

function isOriginFailure(error: unknown): boolean {
  return error instanceof GatewayError && error.source === 'origin'
}

beforeEach(async () => {
  server = await RawServer.start(() => {})
  origin = makeOrigin()
})

afterEach(async () => {
  origin.close()
  await server.stop()
})

describe('HttpOrigin sends', () => {
  it('its own fields and the configured ones, and nothing else', async () => {
    answers(HELLO)
    origin = makeOrigin({ url: `${server.url}media`, headers: { Authorization: 'Bearer x' } })
    expect(await read(await find({ name: 'a b/ü.mp4' }))).toBe('hello')
    expect(server.heads).toEqual([
      `GET /media/a%20b/%C3%BC.mp4 HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nUser-Agent: sluice\r\n` +
        'Authorization: Bearer x\r\nAccept-Encoding: identity\r\n\r\n',
    ])
  })

  it.each(['ftp://x/', 'x', 'http://user@x/', 'http://x/?q', 'http://x/#f'])(
    'no request for the url %s',
    (url) => {
      expect(() => makeOrigin({ url })).toThrow(TypeError)
    },
  )

  it('no request without a timeout', () => {
    expect(() => makeOrigin({ timeoutSeconds: 0 })).toThrow(TypeError)
    expect(() => makeOrigin({ timeoutSeconds: NaN })).toThrow(TypeError)
  })
})

describe('HttpOrigin connections', () => {
  it('one connection serves requests one after the other', async () => {
    answers(HELLO)
    for (let i = 0; i < 5; i++) expect(await read(await find())).toBe('hello')
    expect(server.connections).toBe(1)
  })

  it.each([
    ['Connection: close', `${OK}Connection: close\r\nContent-Length: 5\r\n\r\nhello`],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
    ['Keep-Alive: timeout=1', `${OK}Keep-Alive: timeout=1\r\nContent-Length: 5\r\n\r\nhello`],
    ['bytes after the body', `${HELLO}HTTP/1.1 200 OK\r\n`],
  ])('no connection is used again after %s', async (_, text) => {
    answers(text)
    await read(await find())
    await read(await find())
    expect(server.connections).toBe(2)
    await server.quiet()
  })

  it('bytes on an idle connection end it', async () => {
    answers(HELLO)
    await read(await find())
    for (const socket of server.sockets) socket.write('HTTP/1.1 200 OK\r\n\r\n')
    await server.quiet()
    expect(await read(await find())).toBe('hello')
    expect(server.connections).toBe(2)
  })

  it('an idle connection that the origin closed is replaced, once and unseen', async () => {
    server.answer = (_head, socket, nth) => {
      // the second request finds a connection that is being closed
      if (nth === 2) socket.destroy()
      else socket.write(HELLO)
    }
    await read(await find())
    expect(await read(await find())).toBe('hello')
    expect([server.heads.length, server.connections]).toEqual([3, 2])
  })

  it('a fresh connection that is closed unanswered is not tried again', async () => {
    server.answer = (_head, socket) => {
      socket.destroy()
    }
    await expect(find()).rejects.toMatchObject({ code: 'ERR_ORIGIN_UNREACHABLE' })
    expect(server.heads.length).toBe(1)
  })

  it('an idle connection is closed after its time', async () => {
    answers(`${OK}Keep-Alive: timeout=2\r\nContent-Length: 5\r\n\r\nhello`)
    origin = makeOrigin({ timeoutSeconds: 0.1 })
    await read(await find())
    expect(server.sockets.size).toBe(1)
    await server.quiet()
  })

  it('close() ends idle connections and refuses new requests', async () => {
    answers(HELLO)
    await read(await find())
    origin.close()
    await server.quiet()
    await expect(find()).rejects.toMatchObject({ code: 'ERR_SHUTTING_DOWN' })
  })

  it('the small rest of a body that nobody wants is read, a large one is cut off', async () => {
    answers(`${OK}Content-Length: 1000\r\n\r\nhello`, `${OK}Content-Length: 100000\r\n\r\nhello`)
    const small = await find()
    small.close()
    for (const socket of server.sockets) socket.write('x'.repeat(995))
    await until(() => origin.connectionsInUse === 0)
    expect(server.sockets.size).toBe(1)
    const large = await find()
    expect(server.connections).toBe(1)
    large.close()
    await server.quiet()
  })
})

describe('HttpOrigin refuses', () => {
  it.each([
    [
      'Content-Length with Transfer-Encoding',
      `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
    ],
    ['obs-fold', `${OK} folded\r\n\r\n`],
    ['a huge head', `${OK}X: ${'x'.repeat(20_000)}\r\n\r\n`],
    [
      'a part that was not asked for',
      'HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-4/5\r\nContent-Length: 5\r\n\r\nhello',
    ],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['304', 'HTTP/1.1 304 Not Modified\r\n\r\n'],
    ['401', 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'],
    ['403', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'],
    ['500', 'HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n'],
  ])('an answer with %s', async (_, text) => {
    answers(text)
    await expect(find()).rejects.toMatchObject({ code: 'ERR_ORIGIN_RESPONSE' })
    await until(() => origin.connectionsInUse === 0)
  })

  it('a head that is cut short', async () => {
    server.answer = (_head, socket) => socket.end('HTTP/1.1 200 OK\r\nCont')
    await expect(find()).rejects.toMatchObject({ code: 'ERR_ORIGIN_RESPONSE' })
  })

  it.each([
    ['no Content-Range', 'Content-Length: 5\r\n\r\nhello'],
    ['another range', 'Content-Range: bytes 1-5/100\r\nContent-Length: 5\r\n\r\nhello'],
    ['fewer bytes', 'Content-Range: bytes 0-3/100\r\nContent-Length: 4\r\n\r\nhell'],
    ['another length', 'Content-Range: bytes 0-4/100\r\nContent-Length: 6\r\n\r\nhello!'],
    [
      'several parts',
      'Content-Type: multipart/byteranges; boundary=x\r\nContent-Length: 5\r\n\r\nhello',
    ],
  ])('a part with %s', async (_, rest) => {
    answers(`HTTP/1.1 206 Partial\r\n${rest}`)
    await expect(find({ range: { first: 0, last: 4 } })).rejects.toMatchObject({
      code: 'ERR_ORIGIN_RESPONSE',
    })
    await until(() => origin.connectionsInUse === 0)
  })

  it('a connection that cannot be made', async () => {
    const gone = await RawServer.start(() => {})
    const { url } = gone
    await gone.stop()
    origin = makeOrigin({ url })
    await expect(find()).rejects.toMatchObject({ code: 'ERR_ORIGIN_UNREACHABLE' })
  })

  it('404 and 410 are missing objects, and their page is not read', async () => {
    answers(
      'HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\npage',
      'HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n',
    )
    expect(await origin.open({ name: 'a', want: 'body' })).toEqual({ state: 'missing' })
    expect(await origin.open({ name: 'a', want: 'body' })).toEqual({ state: 'missing' })
    expect(server.connections).toBe(1)
  })
})

describe('HttpOrigin bodies', () => {
  it.each([
    [
      'informational responses first',
      `HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${HELLO}`,
    ],
    [
      'a chunked body',
      `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: t\r\n\r\n`,
    ],
  ])('%s', async (_, text) => {
    answers(text)
    for (let i = 0; i < 2; i++) expect(await read(await find())).toBe('hello')
    expect(server.connections).toBe(1)
  })

  it('a body that ends with the connection has no size', async () => {
    server.answer = (_head, socket) => socket.end(`${OK}\r\nhello`)
    const object = await find()
    expect(object.meta.size).toBeUndefined()
    expect(await read(object)).toBe('hello')
  })

  it.each([
    ['a counted body', `${OK}Content-Length: 10\r\n\r\nhello`],
    ['a chunked body', `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`],
    ['a chunk', `${OK}Transfer-Encoding: chunked\r\n\r\nA\r\nhello`],
  ])('%s that is cut short fails the transfer', async (_, text) => {
    server.answer = (_head, socket) => socket.end(text)
    const object = await find()
    const sink = new CollectingSink()
    object.send(0, object.meta.size ?? Infinity, sink)
    expect(await sink.done).toMatchObject({ code: 'ERR_ORIGIN_READ' })
    expect(sink.bytes.toString()).toBe('hello')
  })

  it('a reset fails the transfer', async () => {
    answers(`${OK}Content-Length: 10\r\n\r\nhello`)
    const object = await find()
    const sink = new CollectingSink()
    object.send(0, 10, sink)
    await sink.written()
    for (const socket of server.sockets) socket.resetAndDestroy()
    expect(await sink.done).toMatchObject({ code: 'ERR_ORIGIN_READ' })
  })

  it('a broken chunk fails the transfer', async () => {
    answers(`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n`)
    const sink = new CollectingSink()
    ;(await find()).send(0, Infinity, sink)
    expect(await sink.done).toMatchObject({ code: 'ERR_ORIGIN_RESPONSE' })
    await server.quiet()
  })

  it('a part that is shorter than its Content-Range fails the transfer', async () => {
    answers(
      'HTTP/1.1 206 P\r\nContent-Range: bytes 0-9/100\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    )
    const sink = new CollectingSink()
    ;(await find({ range: { first: 0, last: 9 } })).send(0, 10, sink)
    expect(await sink.done).toMatchObject({ code: 'ERR_ORIGIN_READ' })
  })

  it('any cut of an answer gives the same body', async () => {
    const text = `HTTP/1.1 103 Hints\r\n\r\n${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(cuts, async (positions) => {
        server.answer = (_head, socket) => {
          const sorted = [0, ...positions.sort((a, b) => a - b), text.length]
          const pieces = sorted.slice(1).map((end, i) => text.slice(sorted[i], end))
          const next = (): void => {
            const piece = pieces.shift()
            if (piece !== undefined) socket.write(piece, () => setImmediate(next))
          }
          next()
        }
        expect(await read(await find())).toBe('hello')
      }),
      { numRuns: 40 },
    )
    expect(server.connections).toBe(1)
  })

  it('any garbage ends in an answer or a failure of the origin', async () => {
    const part = fc.oneof(
      fc.constantFrom(
        OK,
        'HTTP/1.1 200 OK\r\n',
        '\r\n',
        'Content-Length: 5\r\n',
        'Transfer-Encoding: chunked\r\n',
        '5\r\n',
        'hello',
      ),
      fc.string({ unit: 'binary-ascii', maxLength: 10 }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 8 }), async (parts) => {
        server.answer = (_head, socket) => socket.end(parts.join(''), 'latin1')
        const outcome = await find()
          .then((object) => read(object))
          .catch((error: unknown) => error)
        expect(typeof outcome === 'string' || isOriginFailure(outcome)).toBe(true)
        await until(() => origin.connectionsInUse === 0)
      }),
      { numRuns: 100 },
    )
  })
})

describe('HttpOrigin timeouts', () => {
  beforeEach(() => {
    origin = makeOrigin({ timeoutSeconds: 0.1 })
  })

  it('a head that does not come', async () => {
    await expect(find()).rejects.toMatchObject({ code: 'ERR_ORIGIN_TIMEOUT' })
    await server.quiet()
  })

  it('a body that stops', async () => {
    answers(`${OK}Content-Length: 10\r\n\r\nhello`)
    const sink = new CollectingSink()
    ;(await find()).send(0, 10, sink)
    expect(await sink.done).toMatchObject({ code: 'ERR_ORIGIN_TIMEOUT' })
    await server.quiet()
  })

  it('the clock stands still while the sink holds a chunk', async () => {
    answers(`${OK}Content-Length: 10\r\n\r\nhello`)
    const sink = new CollectingSink()
    sink.isRefusing = true
    const transfer = (await find()).send(0, 10, sink)
    await sink.written()
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(sink.isDone).toBe(false)
    sink.isRefusing = false
    for (const socket of server.sockets) socket.write('world')
    transfer.resume()
    expect(await sink.done).toBeUndefined()
  })

  it('a client that leaves ends the wait', async () => {
    origin = makeOrigin()
    const client = new AbortController()
    const opening = find({ signal: client.signal })
    await until(() => server.heads.length === 1)
    client.abort()
    await expect(opening).rejects.toMatchObject({ code: 'ERR_CLIENT_ABORTED' })
    await server.quiet()
  })
})

describe('HttpOrigin metadata', () => {
  it.each([400, 403, 405, 501])(
    'a HEAD answered with %d is asked again as the first byte',
    async (status) => {
      answers(
        `HTTP/1.1 ${status} No\r\nContent-Length: 3\r\n\r\n`,
        'HTTP/1.1 206 P\r\nETag: "v1"\r\nContent-Range: bytes 0-0/7\r\nContent-Length: 1\r\n\r\nh',
      )
      const object = await find({ want: 'metadata' })
      expect(object.meta).toMatchObject({ size: 7, etag: '"v1"' })
      expect(server.heads.map(asked)).toEqual(['HEAD /object', 'GET /object Range: bytes=0-0'])
    },
  )

  it('an empty object without HEAD has size 0 and not the type of the error page', async () => {
    answers(
      'HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 416 No\r\nContent-Range: bytes */0\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\npage',
    )
    const object = await find({ want: 'metadata', name: 'x.mp4' })
    expect(object.meta).toMatchObject({ size: 0, contentType: 'video/mp4' })
    expect(await read(object)).toBe('')
    expect(server.heads.length).toBe(2)
  })

  it('a range beyond the end is asked again for its metadata', async () => {
    answers(
      'HTTP/1.1 416 No\r\nContent-Range: bytes */5\r\nContent-Length: 0\r\n\r\n',
      `${OK}Content-Length: 5\r\n\r\n`,
    )
    const object = await find({ range: { first: 10, last: undefined } })
    expect(object.meta).toMatchObject({ size: 5, etag: '"v1"' })
    expect(server.heads.map(asked)).toEqual(['GET /object Range: bytes=10-', 'HEAD /object'])
  })

  it('a part of an object of unknown size is asked for again as the whole', async () => {
    answers('HTTP/1.1 206 P\r\nContent-Range: bytes 0-1/*\r\nContent-Length: 2\r\n\r\nhe', HELLO)
    const object = await find({ range: { first: 0, last: 1 } })
    expect(object.meta.size).toBe(5)
    expect(await read(object, 0, 2)).toBe('he')
  })
})

describe('HttpOrigin asks again', () => {
  const part = (first: number, last: number, etag = '"v1"', size = 100): string =>
    `HTTP/1.1 206 P\r\nETag: ${etag}\r\nContent-Range: bytes ${first}-${last}/${size}\r\n` +
    `Content-Length: ${last - first + 1}\r\n\r\n${'x'.repeat(last - first + 1)}`

  it('for the same version, with If-Match', async () => {
    answers(part(0, 9), part(20, 29))
    const object = await find({ range: { first: 0, last: 9 } })
    expect(await read(object, 20, 30)).toBe('x'.repeat(10))
    expect(server.heads.map(asked)[1]).toBe('GET /object Range: bytes=20-29 If-Match: "v1"')
  })

  it('without If-Match when the tag is weak', async () => {
    answers(part(0, 9, 'W/"v1"'), part(20, 29, 'W/"v1"'))
    const object = await find({ range: { first: 0, last: 9 } })
    expect(await read(object, 20, 30)).toBe('x'.repeat(10))
    expect(server.heads.map(asked)[1]).toBe('GET /object Range: bytes=20-29')
  })

  it.each([
    ['412', 'HTTP/1.1 412 Changed\r\nContent-Length: 0\r\n\r\n'],
    ['404', 'HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n'],
    ['another tag', part(20, 29, '"v2"')],
    ['no tag', part(20, 29).replace('ETag: "v1"\r\n', '')],
    ['another size', part(20, 29, '"v1"', 101)],
    ['a whole of another size', `${OK}Content-Length: 99\r\n\r\n`],
  ])('and finds a change in %s', async (_, text) => {
    answers(part(0, 9), text)
    const sink = new CollectingSink()
    ;(await find({ range: { first: 0, last: 9 } })).send(20, 30, sink)
    expect(await sink.done).toMatchObject({ code: 'ERR_ORIGIN_CHANGED' })
    expect(sink.writes).toBe(0)
  })

  it('and takes its part of a whole object', async () => {
    answers(part(0, 9), `${OK}Content-Length: 100\r\n\r\n${'y'.repeat(100)}`)
    expect(await read(await find({ range: { first: 0, last: 9 } }), 20, 30)).toBe('y'.repeat(10))
  })

  it('and stops asking when it is aborted', async () => {
    server.answer = (_head, socket, nth) => {
      if (nth === 1) socket.write(part(0, 9))
    }
    const sink = new CollectingSink()
    const object = await find({ range: { first: 0, last: 9 } })
    const transfer = object.send(20, 30, sink)
    await until(() => server.heads.length === 2)
    transfer.abort()
    await until(() => origin.connectionsInUse === 0)
    expect([sink.writes, sink.isDone]).toEqual([0, false])
  })
})
