import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { parseAnswers } from '../support/raw-answers.ts'
import { connectAndSend } from '../support/raw-client.ts'
import { send } from '../support/http-client.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

/** The peers that the gateways trust; every other loopback address is a stranger. */
const [PROXY, SECOND, STRANGER] = ['127.0.0.2', '127.0.0.3', '127.0.0.9']
const trustedProxies = [`${PROXY}/32`, `${SECOND}/32`, '10.0.0.0/8', 'fd00::/8']
const PINNED = '203.0.113.7'
const V6 = '2001:db8::7'

let plain: TestGateway
let proxied: TestGateway

beforeAll(async () => {
  const files = { 'a.txt': 'object' }
  plain = await startTestGateway({ files, config: { server: { trustedProxies } } })
  proxied = await startTestGateway({
    files,
    config: { server: { trustedProxies, proxyProtocol: true } },
  })
})

afterAll(async () => {
  await plain.close()
  await proxied.close()
})

/** 200 when the gateway takes the client for the address. */
const statusFor = async (
  ip: string,
  headers: Record<string, string>,
  localAddress: string,
): Promise<number> =>
  (await send(plain, plain.sign('/files/a.txt', { ip }), { headers, localAddress })).status

describe('X-Forwarded-For and Forwarded', () => {
  test.each([
    { title: 'a stranger', headers: { 'x-forwarded-for': PINNED } },
    { title: 'a stranger', headers: { forwarded: `for=${PINNED}` } },
    { title: 'a stranger', headers: { 'x-real-ip': PINNED, 'cf-connecting-ip': PINNED } },
  ])('of $title are not believed: $headers', async ({ headers }) => {
    expect(await statusFor(PINNED, headers, STRANGER)).toBe(403)
    expect(await statusFor(STRANGER, headers, STRANGER)).toBe(200)
  })

  test.each([
    { list: PINNED, client: PINNED },
    { list: `${PINNED}:4711`, client: PINNED },
    { list: `198.51.100.1, ${PINNED}`, client: PINNED },
    { list: `${PINNED}, 198.51.100.1`, client: '198.51.100.1' },
    { list: `${PINNED}, 10.1.2.3`, client: PINNED },
    { list: `${PINNED},10.1.2.3 , ${SECOND}`, client: PINNED },
    { list: '10.1.2.3', client: '10.1.2.3' },
    { list: `::ffff:${PINNED}`, client: PINNED },
    { list: V6, client: V6 },
    { list: `[${V6}]:4711, fd00::1`, client: V6 },
    { list: V6.toUpperCase(), client: V6 },
  ])('the right-most address that is not trusted counts: $list', async ({ list, client }) => {
    expect(await statusFor(client, { 'x-forwarded-for': list }, PROXY)).toBe(200)
    expect(await statusFor('192.0.2.1', { 'x-forwarded-for': list }, PROXY)).toBe(403)
  })

  test.each([
    { list: 'unknown' },
    { list: '' },
    { list: `${PINNED}, unknown` },
    { list: `${PINNED},` },
    { list: `${PINNED} ${PINNED}` },
    { list: '203.0.113.07' },
    { list: '3405803783' },
    { list: '203.0.113' },
    { list: `for=${PINNED}` },
  ])('a chain with an entry that is no address names nobody: "$list"', async ({ list }) => {
    for (const ip of [PINNED, PROXY, '0.0.0.0/0']) {
      expect(await statusFor(ip, { 'x-forwarded-for': list }, PROXY)).toBe(403)
    }
  })

  test.each([
    { value: `for=${PINNED}`, client: PINNED },
    { value: `for="${PINNED}:80";proto=https;by=10.0.0.1`, client: PINNED },
    { value: `For="[${V6}]:4711"`, client: V6 },
    { value: `for=198.51.100.1, for=${PINNED}, for=10.0.0.1`, client: PINNED },
  ])('Forwarded: $value', async ({ value, client }) => {
    expect(await statusFor(client, { forwarded: value }, PROXY)).toBe(200)
    expect(await statusFor('192.0.2.1', { forwarded: value }, PROXY)).toBe(403)
  })

  test('both fields must agree, or the request is refused', async () => {
    const both = (a: string, b: string): Record<string, string> => ({
      'x-forwarded-for': a,
      forwarded: `for=${b}`,
    })
    expect(await statusFor(PINNED, both(PINNED, PINNED), PROXY)).toBe(200)
    expect(await statusFor(PINNED, both(PINNED, '198.51.100.1'), PROXY)).toBe(400)
    expect(await statusFor(PINNED, both('198.51.100.1', PINNED), PROXY)).toBe(400)
  })

  test('the record names the client, not the proxy', async () => {
    const link = plain.sign('/files/a.txt', { jti: 'who' })
    const headers = { 'x-forwarded-for': `1.2.3.4, ${PINNED}` }
    expect((await send(plain, link, { headers, localAddress: PROXY })).status).toBe(200)
    await eventually('the record is written', async () => {
      const record = (await plain.records(1)).find(({ link_id }) => link_id === 'who')
      if (record) expect(record.client).toBe(PINNED)
      return record !== undefined
    })
  })
})

const v1 = (source: string, family = 'TCP4', target = '192.0.2.9'): Buffer =>
  Buffer.from(`PROXY ${family} ${source} ${target} 4711 443\r\n`)

function v2(addresses: Buffer, family: number, command = 1): Buffer {
  const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
  const head = Buffer.from([0x20 | command, family, addresses.length >> 8, addresses.length & 255])
  return Buffer.concat([signature, head, addresses])
}
const v2four = (...source: number[]): Buffer =>
  v2(Buffer.from([...source, 192, 0, 2, 9, 0x12, 0x34, 0x01, 0xbb]), 0x11)
const v2six = (): Buffer => {
  const source = Buffer.from('20010db8000000000000000000000007', 'hex')
  return v2(Buffer.concat([source, Buffer.alloc(16), Buffer.from([1, 2, 3, 4])]), 0x21)
}
/** A type-length-value behind the addresses is skipped. */
const withTlv = (): Buffer =>
  v2(
    Buffer.concat([
      Buffer.from([203, 0, 113, 7, 192, 0, 2, 9, 1, 2, 3, 4]),
      Buffer.from([0x04, 0x00, 0x03, 0x41, 0x42, 0x43]),
    ]),
    0x11,
  )

describe('the PROXY protocol', () => {
  /** The statuses that come for a header and a request pinned to an address. */
  async function statuses(
    header: Buffer,
    ip: string,
    { from = PROXY, split = false }: { from?: string; split?: boolean } = {},
  ): Promise<number[]> {
    const target = proxied.sign('/files/a.txt', { ip })
    const bytes = Buffer.concat([
      header,
      Buffer.from(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
    ])
    const parts = split ? Array.from(bytes, (byte) => Buffer.from([byte])) : [bytes]
    return parseAnswers(await connectAndSend(proxied, parts, from)).map(({ status }) => status)
  }

  const good = [
    { title: 'version 1, IPv4', header: v1(PINNED), client: PINNED },
    { title: 'version 1, IPv6', header: v1(V6, 'TCP6', '2001:db8::1'), client: V6 },
    { title: 'version 2, IPv4', header: v2four(203, 0, 113, 7), client: PINNED },
    { title: 'version 2, IPv6', header: v2six(), client: V6 },
    { title: 'version 2 with a TLV', header: withTlv(), client: PINNED },
    { title: 'version 1, UNKNOWN', header: Buffer.from('PROXY UNKNOWN\r\n'), client: PROXY },
    { title: 'version 2, LOCAL', header: v2(Buffer.alloc(0), 0, 0), client: PROXY },
  ]

  test.each(good)('$title: in one segment with the request', async ({ header, client }) => {
    expect(await statuses(header, client)).toEqual([200])
    expect(await statuses(header, '192.0.2.1')).toEqual([403])
  })

  test.each(good)('$title: byte by byte', async ({ header, client }) => {
    expect(await statuses(header, client, { split: true })).toEqual([200])
  })

  test.each(good)('$title from an untrusted peer is no HTTP: 400', async ({ header, client }) => {
    expect(await statuses(header, client, { from: STRANGER })).toEqual([400])
  })

  test('an untrusted peer speaks plain HTTP and is itself', async () => {
    expect(await statuses(Buffer.alloc(0), STRANGER, { from: STRANGER })).toEqual([200])
  })

  test('a trusted peer that sends no header, or a broken one, is not served', async () => {
    for (const header of [
      Buffer.alloc(0),
      Buffer.from('PROXY TCP4 203.0.113.7\r\n'),
      Buffer.from(`PROXY TCP4 ${V6} 192.0.2.9 1 2\r\n`),
      Buffer.from(`PROXY TCP4 ${PINNED} 192.0.2.9 1 99999\r\n`),
      Buffer.from(`PROXY TCP4 ${'1'.repeat(200)}\r\n`),
      v2(Buffer.from([203, 0, 113]), 0x11),
      v2(Buffer.alloc(12), 0x11, 5),
    ]) {
      expect(await statuses(header, PINNED)).toEqual([])
    }
  })

  test('a second header is not believed', async () => {
    const twice = Buffer.concat([v1(STRANGER), v1(PINNED)])
    expect(await statuses(twice, PINNED)).toEqual([400])
  })

  test('holds for every request of its connection', async () => {
    const request = (ip: string, more = ''): string =>
      `GET ${proxied.sign('/files/a.txt', { ip })} HTTP/1.1\r\nHost: x\r\n${more}\r\n`
    const bytes = Buffer.concat([
      v1(PINNED),
      Buffer.from(request(PINNED) + request(PINNED, 'Connection: close\r\n')),
    ])
    const text = await connectAndSend(proxied, [bytes], PROXY)
    expect(parseAnswers(text).map(({ status }) => status)).toEqual([200, 200])
  })

  test('X-Forwarded-For behind it counts only if the address it names is trusted', async () => {
    const ask = async (source: string, ip: string): Promise<number | undefined> => {
      const target = proxied.sign('/files/a.txt', { ip })
      const fields = `Host: x\r\nX-Forwarded-For: ${PINNED}\r\nConnection: close`
      const request = Buffer.from(`GET ${target} HTTP/1.1\r\n${fields}\r\n\r\n`)
      const text = await connectAndSend(proxied, [Buffer.concat([v1(source), request])], PROXY)
      return parseAnswers(text)[0]?.status
    }
    expect(await ask('10.0.0.1', PINNED)).toBe(200)
    expect(await ask('198.51.100.1', PINNED)).toBe(403)
    expect(await ask('198.51.100.1', '198.51.100.1')).toBe(200)
  })
})
