import { connect, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { expectFreed } from '../support/figures.ts'
import { GatedOrigin } from '../support/gated-origin.ts'
import { parseAnswers, statusesIn } from '../support/raw-answers.ts'
import { rawExchange } from '../support/raw-http.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const body = Buffer.from('0123456789'.repeat(5))

let gateway: TestGateway
let origin: GatedOrigin
let link: string

beforeAll(async () => {
  origin = await GatedOrigin.start(body)
  gateway = await startTestGateway({
    config: { origins: { gated: { type: 'http', url: origin.url } } },
    routes: [{ path: '/files/', origin: 'gated', schemes: ['sluice-hmac'] }],
  })
  link = gateway.sign('/files/a.bin')
  origin.open()
})

afterAll(async () => {
  await gateway.close()
  await origin.stop()
})

const request = (target: string, ...fields: string[]): string =>
  `${[`GET ${target} HTTP/1.1`, 'Host: x', ...fields].join('\r\n')}\r\n\r\n`

/** The lines of an answer without what differs between any two: date, request id, boundary. */
const alike = (answer: string): string[] =>
  answer
    .replace(/^date: .*$/im, '')
    .replace(/[\da-f]{8}-[\da-f-]{27}/g, 'id')
    .replaceAll(/boundary=(\S+)/.exec(answer)?.[1] ?? 'no boundary', 'boundary')
    .split('\r\n')
    .sort()

describe('a plain request and the same one that node reads get the same answer', () => {
  test.each([
    ['whole', () => request(link)],
    ['a range', () => request(link, 'Range: bytes=3-5')],
    ['ranges', () => request(link, 'Range: bytes=0-0,7-9')],
    ['no range of it', () => request(link, 'Range: bytes=90-')],
    ['HEAD', () => request(link).replace('GET', 'HEAD')],
    ['not modified', () => request(link, 'If-None-Match: *')],
    ['precondition failed', () => request(link, 'If-Match: "other"')],
    ['no link', () => request('/files/a.bin')],
    ['a wrong path', () => request('/files/../a.bin')],
    ['a page for a browser', () => request('/files/a.bin', 'Accept: text/html')],
    ['no such route', () => request('/nowhere')],
    ['the keys', () => request('/.well-known/jwks.json')],
    ['two Hosts', () => request(link, 'Host: y')],
    ['a cross-origin one', () => request(link, 'Origin: https://page.example')],
  ])('%s', async (_, text) => {
    // a tab is no plain blank, and changes no value
    const [plain, other] = await Promise.all([
      rawExchange(gateway.port, text().replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')),
      rawExchange(gateway.port, text().replace('\r\n\r\n', '\r\nConnection:\tclose\r\n\r\n')),
    ])
    expect(alike(plain)).toEqual(alike(other))
    expect(plain.match(/^HTTP\/1\.1 /gm)).toHaveLength(1)
  })
})

describe('one connection', () => {
  test('answers requests that came at once one after the other, whoever reads them', async () => {
    const socket = await open()
    const text = readAll(socket)
    socket.write(
      request(link, 'Range: bytes=0-0') +
        request(link, 'Range: bytes=1-1') +
        request(link, 'Range:\tbytes=2-2') +
        request(link, 'Range: bytes=3-3', 'Connection: close'),
    )
    const answers = parseAnswers(await text)
    expect(answers.map(({ status }) => status)).toEqual([206, 206, 206, 206])
    expect(answers.map((one) => one.headers['content-range'])).toEqual(
      [0, 1, 2, 3].map((n) => `bytes ${n}-${n}/50`),
    )
  })

  test('may bring a head in pieces, after a plain request', async () => {
    const socket = await open()
    const text = readAll(socket)
    socket.write(request(link))
    for (const character of request(link, 'Connection: close')) {
      socket.write(character)
      await nextTurn()
    }
    expect(statusesIn(await text)).toEqual([200, 200])
  })

  test('ends with what is no request, behind the answers before it', async () => {
    const socket = await open()
    const text = readAll(socket)
    socket.write(`${request(link)}\0\0\0\r\n\r\n`)
    expect(statusesIn(await text)).toEqual([200, 400])
  })

  test('with 3,000 requests ahead is answered in order, or cut, and leaves nothing behind', async () => {
    const socket = await open()
    const text = readAll(socket).catch(() => '')
    const ahead = Array.from({ length: 3000 }, (_, nth) => {
      return request(link, `Range: bytes=${nth % 50}-${nth % 50}`)
    })
    socket.write(ahead.join('') + request(link, 'Connection: close'))
    const ranges = [...(await text).matchAll(/^content-range: bytes (\d+)-/gim)]
    expect(ranges.map(([, first]) => Number(first))).toEqual(ranges.map((_, nth) => nth % 50))
    await expectFreed(gateway, 10_000)
    expect(await rawExchange(gateway.port, request(link, 'Connection: close'))).toContain('200 OK')
  })

  test('tells the origin when the client is gone', async () => {
    origin.shut()
    try {
      const socket = await open()
      socket.write(request(link))
      await eventually('an answer that the origin holds', () => origin.held === 1)
      socket.destroy()
      await eventually('none', () => origin.held === 0)
    } finally {
      origin.open()
    }
  })
})

async function open(): Promise<Socket> {
  const socket = connect({ port: gateway.port, host: '127.0.0.1', noDelay: true })
  await new Promise((resolve) => socket.once('connect', resolve))
  return socket
}

function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('close', () => {
      resolve(Buffer.concat(chunks).toString('latin1'))
    })
  })
}
