import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, constants, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { eventually } from '../support/eventually.ts'
import { GatedOrigin } from '../support/gated-origin.ts'
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  field,
  FRAME,
  frame,
  getFields,
  RawHttp2,
} from '../support/raw-http2.ts'
import { selfSigned } from '../support/self-signed.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const LARGE = randomBytes(4 * 1024 * 1024)
const GATED = randomBytes(50)

let directory: string
let gateway: TestGateway
let origin: GatedOrigin

const start = async (): Promise<TestGateway> => {
  const tls = selfSigned(directory, 'localhost')
  return startTestGateway({
    files: { 'a.txt': 'hello', 'large.bin': LARGE },
    policies: { default: { parallel: { connectionsPerDownload: 1000 } } },
    config: {
      server: { tls, drainSeconds: 20 },
      origins: { gated: { type: 'http', url: origin.url } },
    },
    routes: ['library', 'gated'].map((name) => ({
      path: `/${name}/`,
      origin: name,
      schemes: ['sluice-hmac'],
    })),
  })
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-h2-'))
  origin = await GatedOrigin.start(GATED)
  gateway = await start()
})

beforeEach(() => {
  origin.shut()
})

afterAll(async () => {
  origin.open()
  await gateway.close()
  await origin.stop()
  rmSync(directory, { recursive: true })
})

interface StreamEnd {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Buffer
  readonly code: number | undefined
}

function openSession({ url }: TestGateway = gateway): ClientHttp2Session {
  const session = connect(url, { rejectUnauthorized: false })
  session.on('error', () => {})
  return session
}

function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders | readonly string[],
  body?: string,
): Promise<StreamEnd> {
  return new Promise((resolve) => {
    const stream = session.request(headers, { endStream: body === undefined })
    const chunks: Buffer[] = []
    let head: Record<string, unknown> = {}
    stream.on('response', (fields) => {
      head = fields
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', () => {})
    stream.on('close', () => {
      const status = head[':status'] as number | undefined
      resolve({ status, headers: head, body: Buffer.concat(chunks), code: stream.rstCode })
    })
    if (body !== undefined) stream.end(body)
  })
}

async function askOnce(headers: OutgoingHttpHeaders, body?: string): Promise<StreamEnd> {
  const session = openSession()
  try {
    return await ask(session, headers, body)
  } finally {
    session.destroy()
  }
}

const codeOf = ({ body }: StreamEnd): unknown =>
  (JSON.parse(body.toString()) as { code: string }).code
const file = (): string => gateway.sign('/library/a.txt')
const gated = (session: ClientHttp2Session, id: number): Promise<StreamEnd> =>
  ask(session, { ':path': gateway.sign('/gated/a.bin', { jti: `s${id}` }) })

/** How the downloads of a link ended. */
async function endingsOf(jti: string): Promise<readonly AccessRecord['ended_by'][]> {
  const records = await gateway.records(0)
  return records.filter(({ link_id }) => link_id === jti).map(({ ended_by }) => ended_by)
}

describe('a request on a stream', () => {
  test('is answered without fields of a connection', async () => {
    const answer = await askOnce({ ':path': file() })
    expect(answer).toMatchObject({ status: 200, code: constants.NGHTTP2_NO_ERROR })
    expect(answer.body.toString()).toBe('hello')
    for (const name of ['connection', 'keep-alive', 'transfer-encoding']) {
      expect(answer.headers).not.toHaveProperty(name)
    }
    const refused = await askOnce({ ':path': '/library/a.txt' })
    expect(refused.status).toBe(401)
    expect(refused.headers).not.toHaveProperty('connection')
  })

  test('may be one of many that are answered at the same time', async () => {
    const session = openSession()
    const slow = gated(session, 0)
    const quick = await ask(session, { ':path': file() })
    expect(quick.status).toBe(200)
    origin.open()
    expect((await slow).body).toEqual(GATED)
    session.close()
  })

  test('names its host by :authority, by Host, or by both if they agree', async () => {
    const host = gateway.url.slice('https://'.length)
    expect((await askOnce({ ':path': file(), host })).status).toBe(200)
    expect(
      (await askOnce({ ':path': file(), ':authority': 'A.example', host: 'a.example' })).status,
    ).toBe(200)
    const both = await askOnce({ ':path': file(), ':authority': 'a.example', host: 'b.example' })
    expect([both.status, codeOf(both)]).toEqual([400, 'request_invalid'])
  })

  test('has no body where HTTP/1.1 allows none', async () => {
    for (const headers of [{}, { 'content-length': '1' }]) {
      const answer = await askOnce({ ':path': file(), ':method': 'GET', ...headers }, 'x')
      expect([answer.status, codeOf(answer)]).toEqual([400, 'request_invalid'])
    }
    const post = await askOnce({ ':path': file(), ':method': 'POST' }, 'x'.repeat(100_000))
    expect([post.status, post.headers['allow']]).toEqual([405, 'GET, HEAD, OPTIONS'])
  })

  test('tunnels nothing', async () => {
    const connected = await askOnce({ ':method': 'CONNECT', ':authority': 'a.example:443' }, '')
    expect([connected.status, codeOf(connected)]).toEqual([400, 'request_invalid'])
  })

  test('may be OPTIONS of the server', async () => {
    const answer = await askOnce({ ':method': 'OPTIONS', ':path': '*' })
    expect([answer.status, answer.headers['allow']]).toEqual([204, 'GET, HEAD, OPTIONS'])
  })

  test('that is reset gives its place back, and the others of the session go on', async () => {
    const session = openSession()
    const link = gateway.sign('/gated/a.bin', { jti: 'reset', max_parallel_downloads: 1 })
    const stream = session.request({ ':path': link })
    await new Promise((resolve) => stream.once('response', resolve))
    expect((await ask(session, { ':path': link, range: 'bytes=0-1' })).status).toBe(206)
    stream.close(constants.NGHTTP2_CANCEL)
    await eventually('recorded', async () => (await endingsOf('reset')).includes('client'))
    expect((await ask(session, { ':path': file() })).status).toBe(200)
    session.destroy()
  })

  test('whose client is gone while its answer waits gives its place back', async () => {
    const session = openSession()
    const link = gateway.sign('/library/large.bin', { jti: 'gone' })
    const stream = session.request({ ':path': link })
    await new Promise((resolve) => stream.once('response', resolve))
    session.socket.destroy()
    await eventually('recorded', async () => (await endingsOf('gone')).includes('client'))
  })
})

describe('answers', () => {
  test('hold the bytes of their objects, whatever is reset beside them', async () => {
    const session = openSession()
    const link = gateway.sign('/library/large.bin')
    const whole = Array.from({ length: 8 }, () => ask(session, { ':path': link }))
    const cut = Array.from(
      { length: 24 },
      (_, i) =>
        new Promise<Buffer>((resolve) => {
          const stream = session.request({ ':path': link })
          const chunks: Buffer[] = []
          let size = 0
          stream.on('data', (chunk: Buffer) => {
            chunks.push(chunk)
            size += chunk.length
            if (size > i * 40_000) stream.close(constants.NGHTTP2_CANCEL)
          })
          stream.on('close', () => {
            resolve(Buffer.concat(chunks))
          })
        }),
    )
    for (const bytes of await Promise.all(cut)) {
      expect(bytes.equals(LARGE.subarray(0, bytes.length))).toBe(true)
    }
    for (const { body, code } of await Promise.all(whole)) {
      expect([code, body.equals(LARGE)]).toEqual([constants.NGHTTP2_NO_ERROR, true])
    }
    session.close()
  })

  test('wait for the window of their stream', async () => {
    const session = openSession()
    const stream = session.request({ ':path': gateway.sign('/library/large.bin') })
    await new Promise((resolve) => stream.once('response', resolve))
    // nobody reads the stream: its window closes, and the session stays open for others
    expect((await ask(session, { ':path': file() })).body.toString()).toBe('hello')
    const chunks: Buffer[] = []
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
    expect(Buffer.concat(chunks).equals(LARGE)).toBe(true)
    session.close()
  })
})

describe('draining', () => {
  test('says GOAWAY, lets streams end, and takes no more', async () => {
    const other = await start()
    const session = openSession(other)
    const stream = session.request({ ':path': other.sign('/gated/a.bin') })
    await new Promise((resolve) => stream.once('response', resolve))
    const goodbye = new Promise((resolve) => session.once('goaway', resolve))
    const closed = other.close()
    expect(await goodbye).toBe(constants.NGHTTP2_NO_ERROR)
    origin.open()
    const chunks: Buffer[] = []
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
    expect(Buffer.concat(chunks)).toEqual(GATED)
    await closed
  })
})

describe('frames of a hostile client', () => {
  const head = (fields: Buffer, stream = 1): Buffer =>
    frame(FRAME.HEADERS, END_STREAM | END_HEADERS, stream, fields)

  test.each([
    ['a name in capitals', getFields('/', field('X-Up', '1'))],
    ['the field Connection', getFields('/', field('connection', 'close'))],
    ['the field Transfer-Encoding', getFields('/', field('transfer-encoding', 'chunked'))],
    ['TE with more than trailers', getFields('/', field('te', 'gzip'))],
    ['a pseudo-header behind a field', getFields('/', field('a', 'b'), field(':path', '/'))],
    ['a pseudo-header twice', getFields('/', field(':path', '/'))],
    ['an unknown pseudo-header', getFields('/', field(':other', 'x'))],
    ['extended CONNECT, which is not offered', getFields('/', field(':protocol', 'websocket'))],
    ['a target that is no path', getFields('https://a.example/library/a.txt')],
    ['a length that the body does not have', getFields('/', field('content-length', '5'))],
  ])('%s ends the stream', async (_, fields) => {
    const client = new RawHttp2(gateway)
    client.write(head(fields))
    await eventually('reset', () => client.of(FRAME.RST_STREAM).length === 1)
    expect(client.of(FRAME.RST_STREAM)[0]?.payload.readUInt32BE()).toBe(
      constants.NGHTTP2_PROTOCOL_ERROR,
    )
    expect(client.of(FRAME.HEADERS)).toEqual([])
    client.close()
  })

  test('te: trailers is what any client may say', async () => {
    const client = new RawHttp2(gateway)
    client.write(head(getFields('/', field('te', 'trailers'))))
    await eventually('answered', () => client.of(FRAME.HEADERS).length === 1)
    client.close()
  })

  test('a head of more than 16 KiB is not taken', async () => {
    const client = new RawHttp2(gateway)
    const block = getFields(
      '/',
      ...Array.from({ length: 5 }, (_, i) => field(`a${i}`, 'x'.repeat(4000))),
    )
    client.write(frame(FRAME.HEADERS, END_STREAM, 1, block.subarray(0, 9000)))
    client.write(frame(FRAME.CONTINUATION, END_HEADERS, 1, block.subarray(9000)))
    await eventually('answered', () => client.of(FRAME.HEADERS).length === 1)
    await eventually('recorded', async () =>
      (await gateway.records(0)).some(
        ({ status, reason, client: address }) =>
          status === 431 && reason === 'request_invalid' && address === '127.0.0.1',
      ),
    )
    client.close()
  })

  test('a head of more than 16 KiB is reset where the client knows the limit', async () => {
    const client = new RawHttp2(gateway)
    await eventually('told', () => client.of(FRAME.SETTINGS).length > 0)
    client.write(frame(FRAME.SETTINGS, ACK, 0))
    client.write(head(getFields('/', field('a', 'x'.repeat(16_000)), field('b', 'x'.repeat(300)))))
    await eventually('reset', () => client.of(FRAME.RST_STREAM).length === 1)
    expect(client.of(FRAME.HEADERS)).toEqual([])
    client.close()
  })

  test('a head without end ends the connection', async () => {
    const client = new RawHttp2(gateway)
    client.write(frame(FRAME.HEADERS, END_STREAM, 1, getFields('/')))
    for (let i = 0; i < 2000; i++)
      client.write(frame(FRAME.CONTINUATION, 0, 1, field(`a${i}`, 'x')))
    await client.closed
    expect(client.of(FRAME.HEADERS)).toEqual([])
  })

  test('streams that are opened and reset without pause end the connection', async () => {
    const asked = origin.server.heads.length
    const client = new RawHttp2(gateway)
    const path = gateway.sign('/gated/reset.bin')
    const cancel = Buffer.alloc(4)
    cancel.writeUInt32BE(constants.NGHTTP2_CANCEL)
    for (let id = 1; id < 10_000 && client.isOpen; id += 2) {
      client.write(head(getFields(path), id), frame(FRAME.RST_STREAM, 0, id, cancel))
    }
    await client.closed
    expect(origin.server.heads.length - asked).toBeLessThan(1000)
    expect((await askOnce({ ':path': file() })).status).toBe(200)
  })

  test('of 1,000 streams at once 100 are served', async () => {
    const client = new RawHttp2(gateway)
    for (let i = 0; i < 1000; i++) {
      const path = gateway.sign('/gated/many.bin', { jti: `many${i}` })
      client.write(head(getFields(path), 2 * i + 1))
    }
    await client.closed
    await eventually('given back', () => origin.held === 0)
    expect(client.of(FRAME.HEADERS).length).toBeLessThanOrEqual(100)
    expect((await askOnce({ ':path': file() })).status).toBe(200)
  })

  test('what is no HTTP/2 is recorded as a request that is none', async () => {
    const broken = async (): Promise<AccessRecord[]> =>
      (await gateway.records(0)).filter(({ method, status }) => method === '' && status === 400)
    const before = (await broken()).length
    const client = new RawHttp2(gateway)
    client.write(frame(FRAME.HEADERS, END_HEADERS, 2, getFields('/')))
    await client.closed
    await eventually('recorded', async () => (await broken()).length > before)
    const record = (await broken()).at(-1)
    expect(record).toMatchObject({ reason: 'request_invalid', client: '127.0.0.1' })
  })
})
