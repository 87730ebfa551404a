import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { send } from '../support/http-client.ts'
import { KeyServer, makeProviderKey, type ProviderKey } from '../support/key-server.ts'
import { NOW } from '../support/request-parts.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const clock = new FakeClock()
let one: ProviderKey
let two: ProviderKey
let three: ProviderKey
let provider: KeyServer
let gateway: TestGateway

function start(url: string): Promise<TestGateway> {
  return startTestGateway({
    clock,
    files: { 'a.bin': 'a' },
    config: { keys: { jwks: [{ url, schemes: ['sluice-jwt'], refreshSeconds: 0.05 }] } },
    routes: [
      { path: '/files/', origin: 'library', policy: 'default', schemes: ['sluice-jwt'] },
      { path: '/hmac/', origin: 'library', policy: 'default', schemes: ['sluice-hmac'] },
    ],
  })
}

beforeAll(async () => {
  one = await makeProviderKey('one')
  two = await makeProviderKey('two', 'ES256')
  three = await makeProviderKey('three', 'PS256')
  provider = await KeyServer.start(one.jwk)
  gateway = await start(provider.url)
})

afterAll(async () => {
  await gateway.close()
  provider.stop()
})

async function linkOf(key: ProviderKey): Promise<string> {
  return `/files/a.bin?token=${await key.sign({ sub: '/files/a.bin', exp: NOW + 3600 })}`
}

async function statusOf(target: string, of = gateway): Promise<number> {
  return (await send(of, target)).status
}

describe('links that an identity provider signs', () => {
  it('are good as soon as the gateway runs', async () => {
    expect(await statusOf(await linkOf(one))).toBe(200)
  })

  it('are refused when their key is gone, even one that was good before', async () => {
    const old = await linkOf(one)
    expect(await statusOf(old)).toBe(200)
    provider.publish(two.jwk)
    await eventually('refused', async () => (await statusOf(old)) === 403)
    expect(await statusOf(await linkOf(two))).toBe(200)
  })

  it('stay good through an outage', async () => {
    const link = await linkOf(two)
    const { fetches, answer } = provider
    provider.answer = (response) => response.writeHead(503).end()
    await eventually('asked in vain', () => provider.fetches > fetches + 1)
    expect(await statusOf(link)).toBe(200)
    provider.answer = answer
  })

  it('with a kid that is new are refused at first and good soon after', async () => {
    provider.publish(two.jwk, three.jwk)
    await eventually('known', async () => (await statusOf(await linkOf(three))) === 200)
  })

  it('of another signer are refused', async () => {
    const foreign = await makeProviderKey('two', 'ES256')
    expect(await statusOf(await linkOf(foreign))).toBe(403)
  })

  it('do not show up among the keys that the gateway publishes or administers', async () => {
    const published = await send(gateway, '/.well-known/jwks.json')
    expect(published.body.toString()).not.toContain('"two"')
    const listed = await (await gateway.admin('/v1/keys')).text()
    expect(listed).not.toContain('"two"')
  })
})

it('age and number of the keys are metrics', async () => {
  const text = await (await gateway.admin('/metrics')).text()
  const set = provider.url.slice('http://'.length)
  expect(text).toContain(`sluice_jwks_keys{set="${set}"} 2`)
  expect(text).toMatch(new RegExp(`^sluice_jwks_age_seconds\\{set="${set}"\\} \\d`, 'm'))
})

it('a gateway starts while its identity provider is down, says so, and takes the keys when it is back', async () => {
  const down = await KeyServer.start(one.jwk)
  const { answer } = down
  down.answer = (response) => response.writeHead(503).end()
  const alone = await start(down.url)
  expect(alone.logged.join('\n')).toContain(`starts without the keys of ${down.url}`)
  expect(await statusOf(await linkOf(one), alone)).toBe(403)
  down.answer = answer
  await eventually('known', async () => (await statusOf(await linkOf(one), alone)) === 200)
  await alone.close()
  down.stop()
})

it('a reload keeps the keys', async () => {
  const before = provider.fetches
  provider.answer = (response) => response.writeHead(503).end()
  await eventually('down', () => provider.fetches > before)
  expect(await gateway.gateway.reload()).toBe(true)
  expect(await statusOf(await linkOf(two))).toBe(200)
})
