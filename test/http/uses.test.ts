import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectProblem } from '../support/answer-checks.ts'
import { expectFreed } from '../support/figures.ts'
import { GatedOrigin } from '../support/gated-origin.ts'
import { openDownload, type Reply, send, type SendOptions } from '../support/http-client.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const [A, B, C] = ['127.0.0.2', '127.0.0.3', '127.0.0.4']
const SIZE = 10_000
const body = Buffer.from(Array.from({ length: SIZE }, (_, i) => (i * 7) & 255))

let gateway: TestGateway
let origin: GatedOrigin
let links = 0

beforeAll(async () => {
  origin = await GatedOrigin.start(body, SIZE / 2)
  gateway = await startTestGateway({
    files: { 'a.bin': body, 'b.bin': body },
    policies: { two: { uses: { max: 2 } }, half: { uses: { max: 1, coverage: 0.5 } } },
    config: { origins: { gated: { type: 'http', url: origin.url } } },
    routes: [
      { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
      { path: '/two/', origin: 'library', policy: 'two', schemes: ['sluice-hmac'] },
      { path: '/half/', origin: 'library', policy: 'half', schemes: ['sluice-hmac'] },
      { path: '/gated/', origin: 'gated', schemes: ['sluice-hmac'] },
    ],
  })
})

afterAll(async () => {
  await gateway.close()
  await origin.stop()
})

const oneTime = (path = '/files/a.bin'): string =>
  gateway.sign(path, { jti: `one-${++links}`, multi_use: 'false' })

const ask = (link: string, localAddress: string, options: SendOptions = {}): Promise<Reply> =>
  send(gateway, link, { localAddress, ...options })

const part = (link: string, client: string, first: number, end: number): Promise<Reply> =>
  ask(link, client, { headers: { range: `bytes=${first}-${end - 1}` } })

async function expectWhole(link: string, client: string): Promise<void> {
  const reply = await ask(link, client)
  expect(reply.status).toBe(200)
  expect(reply.body.equals(body)).toBe(true)
}

async function expectUsed(link: string, client: string): Promise<void> {
  expectProblem(await ask(link, client), 410, 'link_used')
}

describe('a one-time link', () => {
  test('is used up by one whole download, for everyone', async () => {
    const link = oneTime()
    await expectWhole(link, A)
    await expectUsed(link, B)
    await expectUsed(link, A)
    expectProblem(await part(link, A, 0, 10), 410, 'link_used')
  })

  test('is not used by HEAD, however often', async () => {
    const link = oneTime()
    for (const client of [A, B, A]) {
      const head = await ask(link, client, { method: 'HEAD' })
      expect(head.status).toBe(200)
      expect(head.headers['content-length']).toBe(String(SIZE))
    }
    await expectWhole(link, C)
  })

  test.each([
    { title: 'Sec-Purpose: prefetch', headers: { 'sec-purpose': 'prefetch' } },
    { title: 'a prerender', headers: { 'sec-purpose': 'prefetch;prerender' } },
    { title: 'an anonymous one', headers: { 'sec-purpose': 'prefetch;anonymous-client-ip' } },
    { title: 'Purpose: prefetch', headers: { purpose: 'prefetch' } },
    { title: 'X-Purpose: preview', headers: { 'x-purpose': 'preview' } },
    { title: 'X-Moz: prefetch', headers: { 'x-moz': 'prefetch' } },
    { title: 'Slack', headers: { 'user-agent': 'Slackbot-LinkExpanding 1.0 (+https://x)' } },
    { title: 'WhatsApp', headers: { 'user-agent': 'WhatsApp/2.23.20.0' } },
    { title: 'Facebook', headers: { 'user-agent': 'facebookexternalhit/1.1' } },
    { title: 'Twitter', headers: { 'user-agent': 'Twitterbot/1.0' } },
    { title: 'Telegram', headers: { 'user-agent': 'TelegramBot (like TwitterBot)' } },
    { title: 'Discord', headers: { 'user-agent': 'Mozilla/5.0 (compatible; Discordbot/2.0)' } },
    { title: 'LinkedIn', headers: { 'user-agent': 'LinkedInBot/1.0' } },
    { title: 'Skype', headers: { 'user-agent': 'SkypeUriPreview Preview/0.5' } },
  ])('is neither given to nor used by a prefetch or preview: $title', async ({ headers }) => {
    const link = oneTime()
    expectProblem(await ask(link, A, { headers }), 403, 'prefetch_not_allowed')
    const ranged = { ...headers, range: 'bytes=0-9999' }
    expectProblem(await ask(link, A, { headers: ranged }), 403, 'prefetch_not_allowed')
    await expectWhole(link, B)
  })

  test('a prefetch of a link that may be used often is answered', async () => {
    const link = gateway.sign('/files/a.bin')
    const reply = await ask(link, A, { headers: { 'sec-purpose': 'prefetch' } })
    expect(reply.status).toBe(200)
  })

  test('an ordinary browser is no bot', async () => {
    const agent =
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36'
    const reply = await ask(oneTime(), A, { headers: { 'user-agent': agent } })
    expect(reply.status).toBe(200)
  })

  test('ranges of one client add up to one use', async () => {
    const link = oneTime()
    for (let first = 0; first < SIZE; first += 1000) {
      const reply = await part(link, A, first, first + 1000)
      expect(reply.status).toBe(206)
      expect(reply.body.equals(body.subarray(first, first + 1000))).toBe(true)
    }
    await expectUsed(link, B)
    expectProblem(await part(link, A, 0, 1000), 410, 'link_used')
  })

  test('the same bytes again do not add up', async () => {
    const link = oneTime()
    for (let i = 0; i < 20; i++) expect((await part(link, A, 0, 1000)).status).toBe(206)
    await expectWhole(link, B)
  })

  test('a download that stopped below the coverage leaves the link to others', async () => {
    const link = oneTime()
    expect((await part(link, A, 0, 8999)).status).toBe(206)
    await expectWhole(link, B)
    await expectUsed(link, A)
  })

  test('the bytes that a counted download lacks still come, and no others', async () => {
    const link = oneTime()
    expect((await part(link, A, 0, 9200)).status).toBe(206)
    await expectUsed(link, B)
    // an overlap as large as the share that coverage leaves out is a client's rounding, more is not
    expectProblem(await part(link, A, 0, SIZE), 410, 'link_used')
    expectProblem(await part(link, A, 8199, SIZE), 410, 'link_used')
    expectProblem(await part(link, B, 9200, SIZE), 410, 'link_used')
    const rest = await part(link, A, 8300, SIZE)
    expect(rest.status).toBe(206)
    expect(rest.body.equals(body.subarray(8300))).toBe(true)
    await expectUsed(link, A)
  })

  test('the last bytes of a counted download come once, not again and again', async () => {
    const link = oneTime()
    expect((await part(link, A, 0, 9200)).status).toBe(206)
    expect((await part(link, A, 9200, SIZE)).status).toBe(206)
    expectProblem(await part(link, A, 9200, SIZE), 410, 'link_used')
  })

  test('a refused request uses nothing', async () => {
    const link = oneTime()
    expect((await ask(link, A, { method: 'POST' })).status).toBe(405)
    expect((await ask(link, A, { headers: { 'if-none-match': '*' } })).status).toBe(304)
    expect((await ask(link, A, { headers: { range: 'bytes=10000-' } })).status).toBe(416)
    const pinned = { jti: `one-${links}`, multi_use: 'false', ip: A }
    expect((await ask(gateway.sign('/files/a.bin', pinned), B)).status).toBe(403)
    await expectWhole(link, A)
  })

  test('the uses of one link id are shared by its objects', async () => {
    const parameters = { jti: `one-${++links}`, multi_use: 'false' }
    await expectWhole(gateway.sign('/files/a.bin', parameters), A)
    await expectUsed(gateway.sign('/files/b.bin', parameters), A)
  })

  test('one that runs at the same time is refused until the first is given up', async () => {
    origin.shut()
    const link = oneTime('/gated/a.bin')
    const first = await openDownload(gateway, link, { localAddress: A })
    await first.read(SIZE / 2)
    const second = await ask(link, B)
    expectProblem(second, 429, 'too_many_downloads')
    expect(second.headers['retry-after']).toMatch(/^\d+$/)
    first.kill()
    await expectFreed(gateway)
    origin.open()
    await expectWhole(link, B)
    await expectUsed(link, A)
  })

  test('a download interrupted at half can be finished by its client', async () => {
    origin.shut()
    const link = oneTime('/gated/a.bin')
    const first = await openDownload(gateway, link, { localAddress: A })
    await first.read(SIZE / 2)
    first.kill()
    await expectFreed(gateway)
    origin.open()
    const rest = await part(link, A, SIZE / 2, SIZE)
    expect(rest.status).toBe(206)
    expect(rest.body.equals(body.subarray(SIZE / 2))).toBe(true)
    await expectUsed(link, A)
    await expectUsed(link, B)
  })
})

describe('a policy', () => {
  test('that allows two uses gives the link to two, and a one-time link to one', async () => {
    const link = gateway.sign('/two/a.bin', { jti: `two-${++links}` })
    await expectWhole(link, A)
    await expectWhole(link, B)
    await expectUsed(link, C)
    const strict = oneTime('/two/a.bin')
    await expectWhole(strict, A)
    await expectUsed(strict, B)
  })

  test('says from which share of the bytes on a use counts', async () => {
    const link = gateway.sign('/half/a.bin', { jti: `half-${++links}` })
    expect((await part(link, A, 0, 5000)).status).toBe(206)
    await expectUsed(link, B)
  })
})

test('uses, coverage and the pin of the first use survive a restart', async () => {
  const first = await startTestGateway({
    files: { 'a.bin': body },
    policies: { pin: { address: { pin: 'first-use' } } },
    routes: [
      { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
      { path: '/pin/', origin: 'library', policy: 'pin', schemes: ['sluice-hmac'] },
    ],
  })
  const whole = first.sign('/files/a.bin', { jti: 'whole', multi_use: 'false' })
  const half = first.sign('/files/a.bin', { jti: 'half', multi_use: 'false' })
  const pinned = first.sign('/pin/a.bin', { jti: 'pinned' })
  const range = (from: number, to: number): SendOptions => ({
    localAddress: A,
    headers: { range: `bytes=${from}-${to - 1}` },
  })
  expect((await send(first, whole, { localAddress: A })).status).toBe(200)
  expect((await send(first, half, range(0, 5000))).status).toBe(206)
  expect((await send(first, pinned, { method: 'HEAD', localAddress: B })).status).toBe(200)
  expect((await send(first, pinned, { localAddress: A })).status).toBe(200)
  await first.close({ keepDirectory: true })

  const second = await startTestGateway({ directory: first.directory })
  try {
    expectProblem(await send(second, whole, { localAddress: A }), 410, 'link_used')
    expect((await send(second, half, range(5000, 9500))).status).toBe(206)
    expectProblem(await send(second, half, { localAddress: B }), 410, 'link_used')
    expectProblem(await send(second, pinned, { localAddress: B }), 403, 'address_not_allowed')
    expect((await send(second, pinned, { localAddress: A })).status).toBe(200)
  } finally {
    await second.close()
  }
})
