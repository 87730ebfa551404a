import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { startGateway } from '../../src/gateway/gateway.ts'
import { eventually } from '../support/eventually.ts'
import { FeedServer } from '../support/feed-server.ts'
import { send } from '../support/http-client.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

/** Parsing waits for it. */
const gate = vi.hoisted(() => ({ opened: Promise.resolve() }))

vi.mock(import('../../src/lists/parse-in-worker.ts'), async (original) => {
  const real = await original()
  return {
    ...real,
    async parseInWorker(...args) {
      await gate.opened
      return real.parseInWorker(...args)
    },
  }
})

const [A, B, C] = ['127.0.0.2', '127.0.0.3', '127.0.0.4'] as const

let feed: FeedServer
let links = 0
const running = new Set<TestGateway>()

beforeEach(async () => {
  feed = await FeedServer.start(`${A}\n`)
})

afterEach(async () => {
  feed.close()
  for (const gateway of running) await gateway.close()
  running.clear()
})

async function start(
  pirates: object,
  more: Parameters<typeof startTestGateway>[0] = {},
): Promise<TestGateway> {
  const gateway = await startTestGateway({
    files: { 'a.bin': 'a' },
    policies: { default: { networks: { block: ['pirates'] } } },
    config: { lists: { pirates } },
    ...more,
  })
  running.add(gateway)
  return gateway
}

async function restart(gateway: TestGateway): Promise<TestGateway> {
  running.delete(gateway)
  await gateway.close({ keepDirectory: true })
  const again = await startTestGateway({ directory: gateway.directory })
  running.add(again)
  return again
}

/** Whether the list holds the address, as a download shows. */
async function holds(gateway: TestGateway, localAddress: string): Promise<boolean> {
  const target = gateway.sign('/files/a.bin', { jti: `lists-${++links}` })
  const { status } = await send(gateway, target, { localAddress })
  expect([200, 403]).toContain(status)
  return status === 403
}

async function readiness(gateway: TestGateway): Promise<[status: number, detail: unknown]> {
  const response = await fetch(`${gateway.adminUrl}/readyz`)
  const { detail } = (await response.json()) as { detail?: unknown }
  return [response.status, detail]
}

function changeConfig(gateway: TestGateway, section: string, value: object): void {
  const file = join(gateway.directory, 'config/gateway.yaml')
  const config = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  writeFileSync(file, JSON.stringify({ ...config, [section]: value }))
}

/** Copies of lists on disk, whole ones alone. */
function copies(gateway: TestGateway): string[] {
  const directory = join(gateway.directory, 'data/lists')
  return readdirSync(directory).flatMap((name) =>
    /^[^.]+\.[0-9a-f]{16}$/.test(name) ? [join(directory, name)] : [],
  )
}

describe('a list from a URL', () => {
  test('is in force before the gateway is ready, and again after each change', async () => {
    feed.etag = '"1"'
    const gateway = await start({ url: `${feed.url}?key=secret`, refreshSeconds: 0.05 })
    expect([await holds(gateway, A), await holds(gateway, B)]).toEqual([true, false])
    expect(feed.requests[0]?.url).toBe('/list?key=secret')

    await eventually('304', () => feed.answered.filter((status) => status === 304).length > 2)
    expect(await holds(gateway, A)).toBe(true)

    feed.body = `${B}\n`
    feed.etag = '"2"'
    await eventually('the new list is in force', () => holds(gateway, B))
    expect(await holds(gateway, A)).toBe(false)
  })

  test.each<[string, (feed: FeedServer) => void, RegExp]>([
    ['an error', (broken) => (broken.status = 500), /it answers 500/],
    ['a page', (broken) => (broken.body = '<html>busy</html>'), /line 1, column 1: expected/],
    ['nothing', (broken) => (broken.body = ''), /the list is empty/],
    ['half of the Internet', (broken) => (broken.body = '128.0.0.0/1\n'), /covers too much/],
    ['far too few', (broken) => (broken.body = `${B}\n`), /shrank from 3 to 1 entries/],
    ['far too much', (broken) => (broken.body = manyNetworks(2000)), /grew from 3 to 2000 entries/],
    ['too many bytes', (broken) => (broken.body = '#'.repeat(50_000)), /more than 40000 bytes/],
  ])('that answers %s stays as it was', async (_, breakIt, why) => {
    feed.body = `${A}\n192.0.2.1\n192.0.2.2\n`
    const gateway = await start({
      url: `${feed.url}?key=secret`,
      refreshSeconds: 0.05,
      maxBytes: 40_000,
    })
    const before = feed.requests.length
    breakIt(feed)
    await eventually('it was asked again', () => feed.requests.length > before + 3)
    expect([await holds(gateway, A), await holds(gateway, B)]).toEqual([true, false])
    const warned = gateway.logged.filter((line) => line.startsWith('warn list pirates stays'))
    expect(warned).toEqual([expect.stringMatching(why)])
    expect(gateway.logged.join()).not.toContain('secret')
    expect(await (await fetch(`${gateway.adminUrl}/metrics`)).text()).toContain(
      'sluice_list_has_error{list="pirates"} 1',
    )
    expect(await readiness(gateway)).toEqual([200, undefined])
  })

  test('is there after a restart without network, from the copy on disk', async () => {
    feed.etag = '"1"'
    const gateway = await start({ url: feed.url })
    await eventually('the copy is written', () => copies(gateway).length === 1)
    const [copy = ''] = copies(gateway)
    expect(statSync(copy).mode & 0o777).toBe(0o600)
    feed.close()
    const again = await restart(gateway)
    expect([await holds(again, A), await holds(again, B)]).toEqual([true, false])
    expect(await readiness(again)).toEqual([200, undefined])
  })

  test('is asked for its changes alone after a restart', async () => {
    feed.lastModified = 'Sat, 21 Nov 2026 10:00:00 GMT'
    const gateway = await start({ url: feed.url })
    await eventually('the copy is written', () => copies(gateway).length === 1)
    await restart(gateway)
    await eventually('304', () => feed.answered.includes(304))
    expect(feed.answered).toEqual([200, 304])
  })

  test('without any data refuses everyone, and the gateway is not ready until it has some', async () => {
    feed.status = 503
    const gateway = await start({ url: feed.url, refreshSeconds: 0.05 })
    expect([await holds(gateway, A), await holds(gateway, B)]).toEqual([true, true])
    expect(await readiness(gateway)).toEqual([503, 'no data yet for: pirates'])
    feed.status = 200
    await eventually('ready', async () => (await readiness(gateway))[0] === 200)
    expect([await holds(gateway, A), await holds(gateway, B)]).toEqual([true, false])
  })

  test('is fetched with its headers, which no other site gets', async () => {
    const other = await FeedServer.start(`${B}\n`)
    onTestFinished(() => {
      other.close()
    })
    feed.location = other.url
    const gateway = await start({ url: feed.url, headers: { authorization: 'Bearer k' } })
    expect(await holds(gateway, B)).toBe(true)
    expect(feed.requests[0]?.headers.authorization).toBe('Bearer k')
    expect(other.requests[0]?.headers.authorization).toBeUndefined()
  })

  test('goes at most three redirects far', async () => {
    feed.location = feed.url
    const gateway = await start({ url: feed.url })
    expect(feed.requests).toHaveLength(4)
    expect(gateway.logged.join()).toContain('more than 3 redirects')
  })

  test('of the Spamhaus form is fetched once an hour at most, restarts included', async () => {
    feed.body = `${JSON.stringify({ cidr: '127.0.0.2/32', sblid: 'SBL1', rir: 'arin' })}\n${JSON.stringify(
      { type: 'metadata', timestamp: 1, size: 1, records: 1 },
    )}\n`
    const gateway = await start({ url: feed.url, format: 'spamhaus-drop' })
    await eventually('the copy is written', () => copies(gateway).length === 1)
    const again = await restart(gateway)
    expect(await holds(again, A)).toBe(true)
    expect(await again.gateway.reload()).toBe(true)
    expect(feed.requests).toHaveLength(1)
  })
})

describe('a reload', () => {
  const FILE = { file: '../library/pirates.netset' }
  const files = { 'a.bin': 'a', 'pirates.netset': `${A}\n192.0.2.1\n192.0.2.2\n192.0.2.3\n` }
  const write = (gateway: TestGateway, text: string): void => {
    writeFileSync(join(gateway.root, 'pirates.netset'), text)
  }

  test('takes a file that shrank: the operator asked for it', async () => {
    const gateway = await start(FILE, { files })
    write(gateway, `${B}\n`)
    expect(await gateway.gateway.reload()).toBe(true)
    expect([await holds(gateway, A), await holds(gateway, B)]).toEqual([false, true])
  })

  test('with a broken list keeps list, config and policies, and says where', async () => {
    const gateway = await start(FILE, { files })
    write(gateway, `${B}\nnonsense\n`)
    writeFileSync(join(gateway.directory, 'config/policies/default.yaml'), '{}')
    expect(await gateway.gateway.reload()).toBe(false)
    expect(gateway.logged.at(-1)).toMatch(
      /pirates\.netset:2:1: lists\.pirates: expected an address or a CIDR$/,
    )
    expect([await holds(gateway, A), await holds(gateway, B)]).toEqual([true, false])
  })

  test('drops a list that is gone from the config, with its copy', async () => {
    const gateway = await start({ url: feed.url })
    await eventually('the copy is written', () => copies(gateway).length === 1)
    writeFileSync(join(gateway.directory, 'config/policies/default.yaml'), '{}')
    changeConfig(gateway, 'lists', {})
    expect(await gateway.gateway.reload()).toBe(true)
    await eventually('no copy', () => copies(gateway).length === 0)
    expect(await holds(gateway, A)).toBe(false)
  })

  test('keeps the list of a URL that stays, and its timer takes the new interval', async () => {
    const gateway = await start({ url: feed.url, refreshSeconds: 3600 })
    feed.body = `${C}\n`
    changeConfig(gateway, 'lists', { pirates: { url: feed.url, refreshSeconds: 0.05 } })
    expect(await gateway.gateway.reload()).toBe(true)
    await eventually('the new list is in force', () => holds(gateway, C))
  })

  test('of two at once both end, one after the other, in the last state', async () => {
    const gateway = await start(FILE, { files })
    write(gateway, `${B}\n`)
    const first = gateway.gateway.reload()
    write(gateway, `${C}\n192.0.2.9\n`)
    expect(await Promise.all([first, gateway.gateway.reload()])).toEqual([true, true])
    expect([await holds(gateway, B), await holds(gateway, C)]).toEqual([false, true])
  })

  test('by a change of keys reads no list again', async () => {
    const gateway = await start({ ...FILE, refreshSeconds: 3600 }, { files })
    write(gateway, 'nonsense\n')
    const body = { alg: 'HS256', schemes: ['sluice-hmac'] }
    expect((await gateway.admin('/v1/keys', { method: 'POST', body })).status).toBe(201)
    expect([await holds(gateway, A), await holds(gateway, B)]).toEqual([true, false])
  })

  test('lets requests through while it loads, and loses no entry that comes meanwhile', async () => {
    const gateway = await start({ ...FILE, refreshSeconds: 3600 }, { files })
    const opening = Promise.withResolvers<void>()
    gate.opened = opening.promise
    write(gateway, `${B}\n`)
    const reloads = [gateway.gateway.reload(), gateway.gateway.reload()]
    expect([await holds(gateway, A), await holds(gateway, B)]).toEqual([true, false])
    const added = await gateway.admin(`/v1/lists/pirates/${C}`, { method: 'PUT', body: {} })
    expect(added.status).toBe(201)
    expect([await holds(gateway, A), await holds(gateway, C)]).toEqual([true, true])
    opening.resolve()
    expect(await Promise.all(reloads)).toEqual([true, true])
    const held = await Promise.all([A, B, C].map((address) => holds(gateway, address)))
    expect(held).toEqual([false, true, true])
  })

  test('takes the guard of a URL that stays from the new config', async () => {
    feed.body = `${A}\n192.0.2.1\n192.0.2.2\n`
    const gateway = await start({ url: feed.url })
    feed.body = `${B}\n`
    expect(await gateway.gateway.reload()).toBe(true)
    await eventually('it is kept out', () => gateway.logged.join().includes('shrank'))
    expect(await holds(gateway, B)).toBe(false)
    changeConfig(gateway, 'lists', { pirates: { url: feed.url, maxShrink: 1 } })
    expect(await gateway.gateway.reload()).toBe(true)
    await eventually('the new list is in force', () => holds(gateway, B))
  })

  test('to a name that a list gets anew leaves the entries of the old name to that name', async () => {
    const gateway = await start({})
    await gateway.admin(`/v1/lists/pirates/${A}`, { method: 'PUT', body: {} })
    const policy = join(gateway.directory, 'config/policies/default.yaml')
    for (const [name, isHeld] of [
      ['corsairs', false],
      ['pirates', true],
    ] as const) {
      writeFileSync(policy, JSON.stringify({ networks: { block: [name] } }))
      changeConfig(gateway, 'lists', { [name]: {} })
      expect(await gateway.gateway.reload()).toBe(true)
      expect(await holds(gateway, A)).toBe(isHeld)
    }
  })
})

test('a start with a broken list file makes and fetches nothing', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-broken-'))
  onTestFinished(() => {
    rmSync(directory, { recursive: true })
  })
  mkdirSync(join(directory, 'policies'))
  writeFileSync(join(directory, 'l.netset'), 'x\n')
  const lists = { l: { file: 'l.netset' }, m: { url: feed.url } }
  const keys = { keys: { directory: 'keys' }, admin: { tokens: 'keys/t.json' } }
  const config = { lists, ...keys, state: { directory: 'data' } }
  writeFileSync(join(directory, 'gateway.yaml'), JSON.stringify(config))
  const started = startGateway({ file: join(directory, 'gateway.yaml'), log: () => undefined })
  await expect(started).rejects.toThrow(/l\.netset:1:1: lists\.l: /)
  expect(readdirSync(directory).toSorted()).toEqual(['gateway.yaml', 'l.netset', 'policies'])
  expect(feed.requests).toEqual([])
})

test('a start with broken list files names every problem of config and lists at once', async () => {
  const started = start(
    { file: '../library/pirates.netset' },
    { files: { 'pirates.netset': 'x\n192.0.2.0/99\n' } },
  )
  await expect(started).rejects.toThrow(/pirates\.netset:1:1: lists\.pirates: .*\n.*netset:2:1: /)
})

function manyNetworks(count: number): string {
  const network = (i: number): string => `198.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}\n`
  return Array.from({ length: count }, (_, i) => network(i)).join('')
}
