import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectProblem } from '../support/answer-checks.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { expectFreed } from '../support/figures.ts'
import { GatedOrigin } from '../support/gated-origin.ts'
import { openDownload, type Reply, send } from '../support/http-client.ts'
import { type JoseSigner, makeJoseSigner } from '../support/jose-links.ts'
import { signTarget, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const [A, B] = ['127.0.0.2', '127.0.0.3']
const GRACE = 21_600
const SIZE = 40_000
const body = Buffer.from(Array.from({ length: SIZE }, (_, i) => (i * 3) & 255))
const retiring = randomBytes(32)
const coming = randomBytes(32)
const clock = new FakeClock()
const START = Math.floor(clock.now() / 1000)

let gateway: TestGateway
let jose: JoseSigner
let origin: GatedOrigin
let now: number

beforeAll(async () => {
  origin = await GatedOrigin.start(body)
  jose = await makeJoseSigner()
  const oct = (kid: string, secret: Buffer, more: object): object => ({
    kty: 'oct',
    kid,
    alg: 'HS256',
    schemes: ['sluice-hmac'],
    k: secret.toString('base64url'),
    ...more,
  })
  gateway = await startTestGateway({
    clock,
    files: { 'a.bin': body, 'changing.bin': body },
    keys: [
      jose.jwk,
      oct('retiring', retiring, { retireAt: START + 100_000_000 }),
      oct('coming', coming, { notBefore: START + 100_000_000 }),
    ],
    policies: {
      strict: {
        leeway: { notBeforeSeconds: 0 },
        resume: { graceSeconds: 0 },
        lifetime: { maxSeconds: 600 },
      },
      lenient: { leeway: { expirySeconds: 5 }, resume: { graceSeconds: 10 } },
    },
    config: { origins: { gated: { type: 'http', url: origin.url } } },
    routes: ['files', 'strict', 'lenient', 'gated'].map((name) => ({
      path: `/${name}/`,
      origin: name === 'gated' ? 'gated' : 'library',
      policy: ['files', 'gated'].includes(name) ? 'default' : name,
      schemes: ['sluice-hmac', 'sluice-jwt'],
    })),
  })
})

afterAll(async () => {
  await gateway.close()
  await origin.stop()
})

beforeEach(() => {
  now = Math.floor(clock.now() / 1000)
})

/** Goes to a second after the test began. */
const at = (seconds: number): void => {
  clock.advance(now + seconds - clock.now() / 1000)
}
const link = (
  path: string,
  expiresIn: number,
  more: Record<string, string | number> = {},
): string =>
  gateway.sign(path, { jti: randomBytes(6).toString('hex'), ...more, Expires: now + expiresIn })
const ask = (target: string, client = A, headers = {}): Promise<Reply> =>
  send(gateway, target, { localAddress: client, headers })
const part = (target: string, client: string, range: string, more = {}): Promise<Reply> =>
  ask(target, client, { range, ...more })
const expectExpired = (reply: Reply): void => {
  expectProblem(reply, 410, 'link_expired')
}

describe('the second of expiry', () => {
  test('a link is good to the second before, and expired from its own second on', async () => {
    const target = link('/files/a.bin', 10)
    const token = await jose.token('/files/a.bin', { exp: now + 10 })
    at(9)
    expect((await ask(target)).status).toBe(200)
    expect((await ask(`/files/a.bin?token=${token}`)).status).toBe(200)
    at(9.999)
    expect((await ask(target)).status).toBe(200)
    at(10)
    expectExpired(await ask(target))
    expectExpired(await ask(`/files/a.bin?token=${token}`))
    expect((await send(gateway, target, { method: 'HEAD' })).status).toBe(410)
  })

  test('expirySeconds of the policy comes on top', async () => {
    const target = link('/lenient/a.bin', 10)
    at(14)
    expect((await ask(target)).status).toBe(200)
    at(15)
    expectExpired(await ask(target))
  })

  test('a download that began in time goes on to its end', async () => {
    origin.shut()
    const open = await openDownload(gateway, link('/gated/a.bin', 10), { localAddress: A })
    await open.read(5)
    at(1000)
    origin.open()
    expect((await open.rest()).body.equals(body)).toBe(true)
  })
})

describe('not before', () => {
  test('is taken with a leeway of 60 seconds', async () => {
    const target = link('/files/a.bin', 600, { nbf: now + 61 })
    const token = await jose.token('/files/a.bin', { exp: now + 600, nbf: now + 61 })
    for (const each of [target, `/files/a.bin?token=${token}`]) {
      expectProblem(await ask(each), 403, 'link_not_yet_valid')
    }
    at(1)
    for (const each of [target, `/files/a.bin?token=${token}`]) {
      expect((await ask(each)).status).toBe(200)
    }
  })

  test('has no leeway where the policy gives none', async () => {
    const target = link('/strict/a.bin', 600, { nbf: now + 1 })
    expectProblem(await ask(target), 403, 'link_not_yet_valid')
    at(1)
    expect((await ask(target)).status).toBe(200)
  })
})

describe('the grace to resume', () => {
  /** A download of which A has the first half when the link expires. */
  async function halfDone(path = '/files/a.bin'): Promise<{ target: string; etag: string }> {
    const target = link(path, 10)
    const half = await part(target, A, `bytes=0-${SIZE / 2 - 1}`)
    expect(half.status).toBe(206)
    await expectFreed(gateway)
    at(10)
    return { target, etag: half.headers.etag ?? '' }
  }
  const REST = `bytes=${SIZE / 2}-`

  test('lets the client that began in time fetch the rest, with and without If-Range', async () => {
    const { target, etag } = await halfDone()
    at(10 + GRACE - 1)
    const head = await part(target, A, `bytes=${SIZE / 2}-${SIZE / 2 + 99}`)
    expect({ status: head.status, length: head.body.length }).toEqual({ status: 206, length: 100 })
    const rest = await part(target, A, REST, { 'if-range': etag })
    expect(rest.status).toBe(206)
    expect(rest.body.equals(body.subarray(SIZE / 2))).toBe(true)
  })

  test('ends after the seconds of the policy', async () => {
    const { target } = await halfDone()
    at(10 + GRACE)
    expectExpired(await part(target, A, REST))
  })

  test('begins behind the expirySeconds', async () => {
    const { target } = await halfDone('/lenient/a.bin')
    at(10 + 5 + 10 - 1)
    expect((await part(target, A, 'bytes=30000-30009')).status).toBe(206)
    at(10 + 5 + 10)
    expectExpired(await part(target, A, REST))
  })

  test('is for nobody else', async () => {
    const { target } = await halfDone()
    expectExpired(await part(target, B, REST))
    expect((await part(target, A, REST)).status).toBe(206)
  })

  test('is for ranges, not for a whole download', async () => {
    const { target } = await halfDone()
    expectExpired(await ask(target))
    expect((await send(gateway, target, { method: 'HEAD', localAddress: A })).status).toBe(410)
  })

  test('is for the object as it was, not for a changed one', async () => {
    const { target, etag } = await halfDone('/files/changing.bin')
    writeFileSync(join(gateway.root, 'changing.bin'), Buffer.alloc(SIZE, 1))
    expectExpired(await part(target, A, REST))
    expectExpired(await part(target, A, REST, { 'if-range': etag }))
  })

  test('is for the object that was begun, not for another of the same link', async () => {
    const token = await jose.token('/files/*', { exp: now + 10, jti: 'prefix' })
    expect((await part(`/~${token}/files/a.bin`, A, 'bytes=0-9')).status).toBe(206)
    await expectFreed(gateway)
    at(10)
    expectExpired(await part(`/~${token}/files/changing.bin`, A, 'bytes=10-19'))
    expect((await part(`/~${token}/files/a.bin`, A, 'bytes=10-19')).status).toBe(206)
  })

  test('is not for a download that was complete, or never begun', async () => {
    const done = link('/files/a.bin', 10)
    const never = link('/files/a.bin', 10)
    expect((await ask(done)).status).toBe(200)
    expect((await send(gateway, never, { method: 'HEAD', localAddress: A })).status).toBe(200)
    await expectFreed(gateway)
    at(10)
    expectExpired(await part(done, A, REST))
    expectExpired(await part(never, A, REST))
  })

  test('does not outlive a revocation', async () => {
    const target = link('/files/a.bin', 10, { jti: 'revoked-in-grace' })
    expect((await part(target, A, 'bytes=0-9')).status).toBe(206)
    at(10)
    const revocation = { method: 'POST', body: { link_id: 'revoked-in-grace' } }
    expect((await gateway.admin('/v1/revocations', revocation)).status).toBe(201)
    expectProblem(await part(target, A, REST), 410, 'link_revoked')
  })
})

describe('the life of keys', () => {
  const signed = (secret: Buffer, kid: string): string =>
    signTarget(secret, '/files/a.bin', { Expires: START + 100_000_600 }, kid)

  test('a key works until its retireAt and from its notBefore on, also for links seen before', async () => {
    now = START + 100_000_000
    at(-1)
    expect((await ask(signed(retiring, 'retiring'))).status).toBe(200)
    expectProblem(await ask(signed(coming, 'coming')), 403, 'link_invalid')
    at(0)
    expectProblem(await ask(signed(retiring, 'retiring')), 403, 'link_invalid')
    expect((await ask(signed(coming, 'coming'))).status).toBe(200)
  })
})

describe('the longest life of a link', () => {
  test('binds tokens that say when they were made and when they end', async () => {
    const token = async (claims: object): Promise<string> =>
      `/strict/a.bin?token=${await jose.token('/strict/a.bin', { ...claims })}`
    expect((await ask(await token({ iat: now, exp: now + 600 }))).status).toBe(200)
    expect((await ask(await token({ iat: now - 500, exp: now + 100 }))).status).toBe(200)
    expectProblem(await ask(await token({ iat: now, exp: now + 601 })), 403, 'link_invalid')
    expectProblem(await ask(await token({ iat: now - 600, exp: now + 1 })), 403, 'link_invalid')
    expect((await ask(await token({ exp: now + 86_400 }))).status).toBe(200)
  })

  test('an expiry in milliseconds is refused', async () => {
    expectProblem(await ask(link('/files/a.bin', now * 999)), 403, 'link_invalid')
  })
})
