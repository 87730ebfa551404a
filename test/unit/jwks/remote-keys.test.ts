import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { RemoteKeys } from '../../../src/jwks/remote-keys.ts'
import { KeyRing } from '../../../src/link/key-ring.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { KeyServer, makeProviderKey, type ProviderKey } from '../../support/key-server.ts'
import { NOW, secretKey } from '../../support/request-parts.ts'

let one: ProviderKey
let two: ProviderKey
let server: KeyServer
let clock: FakeClock
let warnings: string[]
let keys: RemoteKeys

beforeAll(async () => {
  one = await makeProviderKey('one', 'ES256')
  two = await makeProviderKey('two', 'ES256')
})

beforeEach(async () => {
  server = await KeyServer.start(one.jwk)
  clock = new FakeClock()
  warnings = []
  keys = new RemoteKeys(clock, (message) => warnings.push(message))
})

afterEach(() => {
  keys.close()
  server.stop()
})

const configOf = (refreshSeconds = 3600, schemes = ['sluice-jwt']) => ({
  url: server.url,
  schemes,
  refreshSeconds,
})
const kids = (): string[] => [...keys.byKid.keys()]

async function start(refreshSeconds?: number): Promise<void> {
  keys.use([configOf(refreshSeconds)], [])
  await keys.settle(5000)
}

describe('a published key set', () => {
  it('is there when the start is over', async () => {
    await start()
    expect([kids(), warnings]).toEqual([['one'], []])
    const ring = new KeyRing([], keys)
    expect(ring.find('one', 'sluice-jwt', NOW)?.alg).toBe('ES256')
    expect(ring.find('one', 'sluice-hmac', NOW)).toBeUndefined()
    expect(ring.only('sluice-jwt', 'ES256', NOW)?.kid).toBe('one')
    expect(ring.all('sluice-jwt', NOW).map(({ kid }) => kid)).toEqual(['one'])
    expect(ring.signer('sluice-jwt', NOW)).toBeUndefined()
    expect([...ring]).toEqual([])
  })

  it('that does not answer does not hold up the start', async () => {
    server.answer = () => {}
    keys.use([configOf()], [])
    await keys.settle(50)
    expect(warnings).toEqual([`the gateway starts without the keys of ${server.url}`])
    expect(kids()).toEqual([])
  })

  it('is fetched again at its interval: old keys go, new ones come', async () => {
    await start(0.02)
    const before = keys.version
    server.publish(two.jwk)
    await eventually('rotated', () => kids().includes('two'))
    expect(kids()).toEqual(['two'])
    expect(keys.version).toBeGreaterThan(before)
  })

  it('that stays as it is changes nothing', async () => {
    await start(0.02)
    const before = keys.version
    const fetched = server.fetches
    await eventually('fetched again', () => server.fetches > fetched + 2)
    expect(keys.version).toBe(before)
  })

  it.each<[string, (server: KeyServer) => void, string]>([
    [
      'garbage',
      (s) => {
        s.answer = (response) => response.end('<html>')
      },
      'the answer is no JWK Set',
    ],
    [
      'an error',
      (s) => {
        s.answer = (response) => response.writeHead(500).end('{"keys":[]}')
      },
      'it answers 500',
    ],
    [
      'a redirect, which is not followed',
      (s) => {
        s.answer = (response) => response.writeHead(302, { Location: s.url }).end()
      },
      'it answers 302',
    ],
    [
      'too much',
      (s) => {
        s.answer = (response) =>
          response.end(JSON.stringify({ keys: [], padding: 'x'.repeat(1024 * 1024) }))
      },
      'it answers more than 1048576 bytes',
    ],
    [
      'a cut',
      (s) => {
        s.answer = (response) => {
          response.writeHead(200, { 'Content-Length': '100' })
          response.write('{"keys":[]}', () => response.destroy())
        }
      },
      '',
    ],
    [
      'an outage',
      (s) => {
        s.stop()
      },
      '',
    ],
  ])('stays in force through %s', async (_what, breakIt, why) => {
    await start(0.02)
    breakIt(server)
    await eventually('warned', () => warnings.length > 0)
    expect(warnings[0]).toContain(`${why}; its 1 keys stay`)
    expect(kids()).toEqual(['one'])
  })

  it('has an age that an outage lets grow', async () => {
    await start()
    clock.advance(500)
    expect([...keys.states()]).toEqual([
      { name: server.url.slice('http://'.length), age: 500, count: 1 },
    ])
  })
})

describe('a kid that nobody knows', () => {
  it('makes the set be fetched: the next request finds it', async () => {
    await start()
    server.publish(one.jwk, two.jwk)
    const ring = new KeyRing([], keys)
    expect(ring.find('two', 'sluice-jwt', NOW)).toBeUndefined()
    await eventually('fetched', () => ring.find('two', 'sluice-jwt', NOW) !== undefined)
  })

  it('does so once a minute at most, however many there are', async () => {
    await start()
    const ring = new KeyRing([], keys)
    const ask = (): void => {
      for (let i = 0; i < 50; i++) ring.find(`unknown-${i}`, 'sluice-jwt', NOW)
    }
    ask()
    await eventually('asked once', () => server.fetches === 2)
    await keys.settle(1000)
    const fetched = server.fetches
    clock.advance(59)
    ask()
    expect(server.fetches).toBe(fetched)
    clock.advance(1)
    ask()
    await keys.settle(1000)
    expect(server.fetches).toBe(fetched + 1)
  })

  it('of a format that the set does not serve asks nobody', async () => {
    await start()
    new KeyRing([], keys).find('unknown', 'sluice-hmac', NOW)
    new KeyRing([secretKey('local', 1)], keys).find('local', 'sluice-jwt', NOW)
    await keys.settle(1000)
    expect(server.fetches).toBe(1)
  })
})

describe('a kid that is taken', () => {
  it('belongs to the key file', async () => {
    keys.use([configOf()], ['one'])
    await keys.settle(5000)
    expect(kids()).toEqual([])
    expect(warnings).toEqual([expect.stringContaining('the kid one is that of a key file')])
    const local = secretKey('one', 1)
    expect(new KeyRing([local], keys).find('one', 'sluice-jwt', NOW)).toBe(local)
  })

  it('belongs to the first set that has it', async () => {
    const other = await KeyServer.start({ ...two.jwk, kid: 'one' })
    keys.use([configOf(), { ...configOf(), url: other.url }], [])
    await keys.settle(5000)
    expect(kids()).toEqual(['one'])
    expect(keys.byKid.get('one')?.verifyKey.export({ format: 'jwk' })).toMatchObject({
      x: one.jwk.x,
    })
    expect(warnings).toEqual([expect.stringContaining('is in an earlier set')])
    other.stop()
  })
})

describe('a reload', () => {
  it('keeps the keys of a set that stays, even in an outage', async () => {
    await start()
    server.stop()
    keys.use([configOf()], [])
    expect(kids()).toEqual(['one'])
    expect(server.fetches).toBe(1)
  })

  it('lets go of a set that is gone', async () => {
    await start(0.02)
    const gone = configOf(0.02)
    keys.use([], [])
    expect(kids()).toEqual([])
    const fetched = server.fetches
    keys.use([{ ...gone, refreshSeconds: 3600 }], [])
    await keys.settle(5000)
    // of the old one at most what ran when it went
    expect(server.fetches - fetched).toBeLessThanOrEqual(2)
  })

  it('of other terms fetches anew', async () => {
    await start()
    keys.use([configOf(3600, ['cloudflare-stream'])], [])
    await keys.settle(5000)
    expect(server.fetches).toBeGreaterThan(1)
    // an EC key is of no use to this format
    expect(kids()).toEqual([])
  })
})
