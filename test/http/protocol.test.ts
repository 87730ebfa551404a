import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { GatedOrigin } from '../support/gated-origin.ts'
import { parseAnswers, statusesIn } from '../support/raw-answers.ts'
import { rawExchange } from '../support/raw-http.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const body = Buffer.from('x'.repeat(50))

let gateway: TestGateway
let origin: GatedOrigin
let link: string
/** Requests that came to the origin before the test. */
let before: number

beforeAll(async () => {
  origin = await GatedOrigin.start(body)
  gateway = await startTestGateway({
    config: { origins: { gated: { type: 'http', url: origin.url } } },
    routes: [{ path: '/files/', origin: 'gated', schemes: ['sluice-hmac'] }],
  })
  link = gateway.sign('/files/a.bin')
})

beforeEach(() => {
  origin.open()
  before = origin.server.heads.length
})

afterAll(async () => {
  await gateway.close()
  await origin.stop()
})

const atOrigin = (): number => origin.server.heads.length - before
const get = (target: string, ...fields: string[]): string =>
  `${[`GET ${target} HTTP/1.1`, 'Host: x', ...fields].join('\r\n')}\r\n\r\n`
const exchange = (bytes: string): Promise<string> => rawExchange(gateway.port, bytes)
/** Requests that were answered or given up so far. */
async function requestsSeen(): Promise<number> {
  const answer = await gateway.admin('/v1/stats')
  return ((await answer.json()) as { requests: number }).requests
}
/** `@` stands for the signed target. */
const withLink = (text: string): string => text.replaceAll('@', link)

describe('what is no clean HTTP/1 request is refused and the connection closed', () => {
  test.each([
    { title: 'HTTP/0.9', head: 'GET @' },
    { title: 'HTTP/2.0 in the request line', head: 'GET @ HTTP/2.0\r\nHost: x' },
    { title: 'the preface of HTTP/2', head: 'PRI * HTTP/2.0' },
    { title: 'HTTP/1.2', head: 'GET @ HTTP/1.2\r\nHost: x' },
    { title: 'http in small letters', head: 'GET @ http/1.1\r\nHost: x' },
    { title: 'another protocol', head: 'GET @ ICE/1.0\r\nHost: x' },
    { title: 'a space in the target', head: 'GET @ x HTTP/1.1\r\nHost: x' },
    { title: 'an unknown method', head: 'FETCH @ HTTP/1.1\r\nHost: x' },
    { title: 'a method in small letters', head: 'get @ HTTP/1.1\r\nHost: x' },
    { title: 'a relative target', head: 'GET files/a.bin HTTP/1.1\r\nHost: x' },
    { title: 'an absolute target of another scheme', head: 'GET ftp://x@ HTTP/1.1\r\nHost: x' },
    { title: 'no Host', head: 'GET @ HTTP/1.1\r\nAccept: */*' },
    { title: 'two Hosts', head: 'GET @ HTTP/1.1\r\nHost: x\r\nHost: y' },
    { title: 'the same Host twice', head: 'GET @ HTTP/1.1\r\nHost: x\r\nHost: x' },
    {
      title: 'Transfer-Encoding in HTTP/1.0',
      head: 'GET @ HTTP/1.0\r\nTransfer-Encoding: chunked',
    },
    {
      title: 'Content-Length and Transfer-Encoding',
      head: 'GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked',
    },
    {
      title: 'Transfer-Encoding: gzip',
      head: 'GET @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip',
    },
    {
      title: 'Transfer-Encoding: chunked, gzip',
      head: 'GET @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip',
    },
    { title: 'a chunked body', head: 'GET @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked' },
    { title: 'a body', head: 'GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: 5' },
    {
      title: 'two Content-Lengths',
      head: 'GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5',
    },
    { title: 'a negative Content-Length', head: 'GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: -1' },
    { title: 'a signed Content-Length', head: 'GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: +0' },
    { title: 'a folded field', head: 'GET @ HTTP/1.1\r\nHost: x\r\nAccept: a\r\n b' },
    { title: 'a space before the colon', head: 'GET @ HTTP/1.1\r\nHost : x' },
    { title: 'a field without a colon', head: 'GET @ HTTP/1.1\r\nHost: x\r\nAccept' },
    { title: 'a field without a name', head: 'GET @ HTTP/1.1\r\nHost: x\r\n: y' },
    { title: 'a bare CR in a value', head: 'GET @ HTTP/1.1\r\nHost: x\r\nAccept: a\rb: c' },
    { title: 'a bare LF between fields', head: 'GET @ HTTP/1.1\r\nHost: x\nAccept: a' },
    { title: 'a NUL in a value', head: 'GET @ HTTP/1.1\r\nHost: x\r\nAccept: a\0b' },
    {
      title: 'two Range fields',
      head: 'GET @ HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\nRange: bytes=5-',
    },
    {
      title: 'two Authorizations',
      head: 'GET @ HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nAuthorization: b',
    },
    {
      title: 'a head of more than 16 KiB',
      head: `GET @ HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}`,
      status: 431,
    },
    {
      title: 'a target of more than 16 KiB',
      head: `GET @&utm_x=${'y'.repeat(20_000)} HTTP/1.1\r\nHost: x`,
      status: 431,
    },
    {
      title: '3,000 fields',
      head: `GET @ HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(3000)}X: y`,
      status: 431,
    },
  ])('$title', async ({ head, status = 400 }) => {
    const answer = await exchange(`${withLink(head)}\r\n\r\n${get(link)}`)
    expect(statusesIn(answer)).toEqual([status])
    expect(answer.toLowerCase()).toContain('connection: close')
    expect(answer).toContain('"code":"request_invalid"')
    const id = /x-request-id: (\S+)/i.exec(answer)?.[1]
    expect(id).toMatch(/^[0-9a-f-]{36}$/)
    expect(answer).toContain(`"request_id":"${id}"`)
    expect(atOrigin()).toBe(0)
  })

  test('a bare LF at the end of the request line', async () => {
    const answer = await exchange(`GET ${link} HTTP/1.1\nHost: x\r\n\r\n`)
    expect(statusesIn(answer)).toEqual([400])
    expect(atOrigin()).toBe(0)
  })

  test('CONNECT', async () => {
    const answer = await exchange(`CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n${get(link)}`)
    expect(statusesIn(answer)).toEqual([400])
    expect(atOrigin()).toBe(0)
  })
})

describe('requests of another form', () => {
  test('an absolute target is served as its path (RFC 9112 section 3.2.2)', async () => {
    const answer = await exchange(get(`http://other.example${link}`, 'Connection: close'))
    expect(statusesIn(answer)).toEqual([200])
    expect(origin.server.heads.at(-1)).toMatch(/^GET \/a\.bin HTTP\/1\.1\r\n/)
    const unsigned = await exchange(get('http://other.example/files/a.bin'))
    expect(statusesIn(unsigned)).toEqual([401])
    expect(atOrigin()).toBe(1)
  })

  test('OPTIONS * is answered here', async () => {
    const answer = await exchange('OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect(statusesIn(answer)).toEqual([204])
    expect(atOrigin()).toBe(0)
  })

  test('a request to upgrade is served as what it is without', async () => {
    const answer = await exchange(
      get(link, 'Connection: upgrade, close', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'),
    )
    expect(statusesIn(answer)).toEqual([200])
  })

  test('HTTP/1.0 needs no Host, and closes unless it asks to stay', async () => {
    const once = await exchange(`GET ${link} HTTP/1.0\r\n\r\n${get(link)}`)
    expect(statusesIn(once)).toEqual([200])
    expect(atOrigin()).toBe(1)
    const staying = `GET ${link} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`
    const twice = await exchange(`${staying}GET ${link} HTTP/1.0\r\n\r\n`)
    expect(statusesIn(twice)).toEqual([200, 200])
  })

  test('Connection: close ends the connection behind its answer', async () => {
    const answer = await exchange(get(link, 'Connection: close') + get(link))
    expect(statusesIn(answer)).toEqual([200])
    expect(atOrigin()).toBe(1)
  })
})

describe('pipelined requests', () => {
  test('two good ones are served in order, the second not before the first is done', async () => {
    origin.shut()
    const other = gateway.sign('/files/b.bin')
    const answer = exchange(get(link) + get(other, 'Connection: close'))
    await eventually('the first is held', () => origin.held === 1)
    await delay(30)
    expect(atOrigin()).toBe(1)
    origin.open()
    const text = await answer
    expect(statusesIn(text)).toEqual([200, 200])
    expect(parseAnswers(text).map((one) => one.headers['content-disposition'])).toEqual([
      'attachment; filename="a.bin"',
      'attachment; filename="b.bin"',
    ])
    expect(origin.server.heads.slice(before).map((head) => head.split(' ')[1])).toEqual([
      '/a.bin',
      '/b.bin',
    ])
  })

  test('twenty are served in order, and a last one closes', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `f${i}.bin`)
    const requests = names.map((name) => get(gateway.sign(`/files/${name}`))).join('')
    const answer = await exchange(requests + get(link, 'Connection: close'))
    expect(statusesIn(answer)).toEqual(new Array(21).fill(200))
    const served = [...answer.matchAll(/filename="([^"]+)"/g)].map((match) => match[1])
    expect(served).toEqual([...names, 'a.bin'])
  })

  test.each([
    { title: 'no link', first: () => get('/files/a.bin'), status: 401 },
    { title: 'a forged link', first: () => get(`${link}x`), status: 403 },
    { title: 'a hostile path', first: () => get('/files/../a.bin'), status: 400 },
    { title: 'a method', first: () => get(link).replace('GET', 'DELETE'), status: 405 },
    {
      title: 'a body that looks like a request',
      first: () => `${get(link, `Content-Length: ${get(link).length}`)}${get(link)}`,
      status: 400,
    },
    {
      title: 'a body of another method that looks like a request',
      first: () =>
        get(link, `Content-Length: ${get(link).length}`).replace('GET', 'POST') + get(link),
      status: 405,
    },
  ])('a second is never served after a refused first: $title', async ({ first, status }) => {
    const known = await requestsSeen()
    const answer = await exchange(first() + get(link))
    expect(statusesIn(answer)).toEqual([status])
    expect(await requestsSeen()).toBe(known + 1)
    expect(atOrigin()).toBe(0)
  })

  test('after a missing object the connection goes on', async () => {
    const missing = gateway.sign('/files/missing.bin')
    const answer = await exchange(get(missing) + get(link, 'Connection: close'))
    expect(statusesIn(answer)).toEqual([404, 200])
  })

  test('garbage behind a good request harms neither its answer nor lets a third in', async () => {
    origin.shut()
    const answer = exchange(`${get(link)}\0garbage\r\n\r\n${get(link)}`)
    await eventually('the first is held', () => origin.held === 1)
    origin.open()
    const text = await answer
    expect(parseAnswers(text)[0]).toMatchObject({ status: 200, body: body.toString() })
    expect(statusesIn(text).slice(1)).not.toContain(200)
    expect(atOrigin()).toBe(1)
  })
})

test('a head that is not complete after ten seconds ends the connection', async () => {
  const started = performance.now()
  const socket = connect(gateway.port, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
  socket.on('error', () => {})
  socket.write(`GET ${link} HTTP/1.1\r\nHost: x\r\n`)
  // a byte now and then must not keep it alive
  const drip = setInterval(() => socket.write('X: y\r\n'), 500)
  await new Promise((resolve) => socket.once('close', resolve))
  clearInterval(drip)
  const seconds = (performance.now() - started) / 1000
  expect(seconds).toBeGreaterThan(9.5)
  expect(seconds).toBeLessThan(13)
  expect(statusesIn(answer)).toEqual([408])
  expect(atOrigin()).toBe(0)
}, 20_000)
