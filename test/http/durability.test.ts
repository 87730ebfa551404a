import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { GatedOrigin } from '../support/gated-origin.ts'
import { openDownload, send } from '../support/http-client.ts'
import { type Life, RestartableGateway } from '../support/restartable-gateway.ts'

const [A, B] = ['127.0.0.2', '127.0.0.3']
const SIZE = 40_000
const body = Buffer.from(Array.from({ length: SIZE }, (_, i) => (i * 11) & 255))

const origin = await GatedOrigin.start(body, SIZE / 2)
let gateway: RestartableGateway

beforeEach(() => {
  origin.shut()
  gateway = new RestartableGateway(
    { 'a.bin': body, 'large.bin': Buffer.alloc(16 * 1024 * 1024, 7) },
    {
      origins: {
        library: { type: 'file', root: '../library' },
        gated: { type: 'http', url: origin.url },
      },
      routes: ['files', 'pin', 'gated'].map((name) => ({
        path: `/${name}/`,
        origin: name === 'gated' ? 'gated' : 'library',
        policy: name === 'pin' ? 'pin' : 'default',
        schemes: ['sluice-hmac'],
      })),
    },
    { pin: { address: { pin: 'first-use' } } },
  )
})

afterEach(async () => {
  await gateway.remove()
})

afterAll(async () => {
  await origin.stop()
})

const statusOf = async (life: Life, link: string, localAddress: string): Promise<number> =>
  (await send(life, link, { localAddress })).status

describe('after kill -9 in the middle of downloads', () => {
  test('revocations that were acknowledged hold, and those taken back do not', async () => {
    const first = await gateway.start()
    const link = (jti: string): string => gateway.sign('/files/a.bin', { jti })
    const kept = await first.admin('/v1/revocations', { method: 'POST', body: { link_id: 'gone' } })
    expect(kept.status).toBe(201)
    const undone = await first.admin('/v1/revocations', {
      method: 'POST',
      body: { link_id: 'back' },
    })
    const { id } = (await undone.json()) as { id: string }
    expect((await first.admin(`/v1/revocations/${id}`, { method: 'DELETE' })).status).toBe(204)
    await openDownload(first, gateway.sign('/gated/a.bin'))
    expect((await first.kill()).status).toBe(null)

    const second = await gateway.start()
    expectProblem(await send(second, link('gone')), 410, 'link_revoked')
    expect(await statusOf(second, link('back'), A)).toBe(200)
  })

  test('uses and first-use pins hold that were counted before their bytes were sent', async () => {
    const first = await gateway.start()
    const used = gateway.sign('/files/a.bin', { jti: 'used', multi_use: 'false' })
    const pinned = gateway.sign('/pin/a.bin', { jti: 'pinned' })
    expect(await statusOf(first, used, A)).toBe(200)
    expect(await statusOf(first, pinned, A)).toBe(200)
    await first.kill()

    const second = await gateway.start()
    expectProblem(await send(second, used, { localAddress: B }), 410, 'link_used')
    expectProblem(await send(second, pinned, { localAddress: B }), 403, 'address_not_allowed')
    expect(await statusOf(second, pinned, A)).toBe(200)
  })

  test('coverage of an open download is at most a second old, and adds up with the rest', async () => {
    const first = await gateway.start()
    const link = gateway.sign('/gated/a.bin', { jti: 'half', multi_use: 'false' })
    const open = await openDownload(first, link, { localAddress: A })
    await open.read(SIZE / 2)
    // written once a second
    await delay(1500)
    await first.kill()
    expect((await open.rest()).isComplete).toBe(false)

    origin.open()
    const second = await gateway.start()
    const range = `bytes=${SIZE / 2}-${SIZE * 0.95 - 1}`
    const rest = await send(second, link, { localAddress: A, headers: { range } })
    expect(rest.status).toBe(206)
    expectProblem(await send(second, link, { localAddress: B }), 410, 'link_used')
  })

  test('an Idempotency-Key gets the same links again', async () => {
    const mint = async (life: Life): Promise<unknown> => {
      const answer = await life.admin('/v1/links', {
        method: 'POST',
        body: { path: '/files/a.bin', expires_in: 600 },
        headers: { 'idempotency-key': 'order-1' },
      })
      expect(answer.status).toBe(201)
      const { id, expires_at } = (await answer.json()) as { id: string; expires_at: number }
      return { id, expires_at }
    }
    const first = await gateway.start()
    const minted = await mint(first)
    await first.kill()
    await delay(1100)
    expect(await mint(await gateway.start())).toEqual(minted)
  })

  test('no place stays taken by a download that died with the process', async () => {
    const first = await gateway.start()
    const link = gateway.sign('/gated/a.bin', { jti: 'one', max_parallel_downloads: 1 })
    const open = await openDownload(first, link, { localAddress: A })
    expect(open.status).toBe(200)
    expect(await statusOf(first, link, B)).toBe(429)
    await first.kill()

    origin.open()
    const second = await gateway.start()
    expect(await statusOf(second, link, B)).toBe(200)
  })
})

describe('SIGTERM', () => {
  test('lets a running download end whole, accepts nothing new, and exits with 0', async () => {
    const life = await gateway.start()
    const running = await openDownload(life, gateway.sign('/gated/a.bin'), { localAddress: A })
    await running.read(SIZE / 2)
    life.child.signal('SIGTERM')
    await life.child.until(() => (life.child.stderr.includes('draining') ? true : undefined))
    await eventually('new connections are refused', () => isRefused(life))
    const ready = await life.admin('/readyz')
    expect(ready.status).toBe(503)
    origin.open()
    const whole = await running.rest()
    expect({ isComplete: whole.isComplete, same: whole.body.equals(body) }).toEqual({
      isComplete: true,
      same: true,
    })
    const ended = await life.child.ended
    expect(ended.status).toBe(0)
    expect(gateway.read('access.jsonl')).toContain('"ended_by":"complete"')
  })

  test('cuts what still runs after drainSeconds, records it, and exits with 0', async () => {
    const file = JSON.parse(gateway.read('config/gateway.yaml')) as { server: object }
    gateway.write(
      'config/gateway.yaml',
      JSON.stringify({ ...file, server: { port: 0, drainSeconds: 0.3 } }),
    )
    const life = await gateway.start()
    const link = gateway.sign('/gated/a.bin', { jti: 'cut', multi_use: 'false' })
    const running = await openDownload(life, link, { localAddress: A })
    await running.read(SIZE / 2)
    life.child.signal('SIGTERM')
    expect((await running.rest()).isComplete).toBe(false)
    const ended = await life.child.ended
    expect({ status: ended.status, stderr: ended.stderr }).toMatchObject({ status: 0 })
    const record = JSON.parse(gateway.read('access.jsonl')) as Record<string, unknown>
    expect(record).toMatchObject({
      link_id: 'cut',
      bytes: SIZE / 2,
      coverage: 0.5,
      ended_by: 'gateway',
    })
  })
})

describe('SIGTERM, of a connection to an origin that stands still', () => {
  // the last bytes of an answer that nobody wants are read on to keep the connection (src/origin/http)
  test('does not keep the process alive behind drainSeconds', async () => {
    const file = JSON.parse(gateway.read('config/gateway.yaml')) as { server: object }
    gateway.write(
      'config/gateway.yaml',
      JSON.stringify({ ...file, server: { port: 0, drainSeconds: 0.2 } }),
    )
    origin.early = SIZE - 1000
    try {
      const life = await gateway.start()
      const running = await openDownload(life, gateway.sign('/gated/a.bin'))
      await running.read(SIZE - 1000)
      life.child.signal('SIGTERM')
      expect((await running.rest()).isComplete).toBe(false)
      await eventually('the process is gone', () => life.child.isOver, 3000)
    } finally {
      origin.early = SIZE / 2
    }
  })
})

describe('SIGHUP', () => {
  test('a broken config keeps the one in force, a good one takes over, downloads go on', async () => {
    const life = await gateway.start()
    const running = await openDownload(life, gateway.sign('/gated/a.bin'), { localAddress: A })
    const slow = await openDownload(life, gateway.sign('/files/large.bin'), { localAddress: A })
    await running.read(SIZE / 2)
    const link = gateway.sign('/files/a.bin')
    expect(await statusOf(life, link, A)).toBe(200)

    gateway.writePolicy('default', { networks: { block: 'no list' } })
    await reload(life, 'the running configuration stays')
    expect(await statusOf(life, link, A)).toBe(200)

    gateway.writePolicy('default', { networks: { block: ['127.0.0.3/32'] } })
    await reload(life, 'is in force')
    expect(await statusOf(life, link, A)).toBe(200)
    expectProblem(await send(life, link, { localAddress: B }), 403, 'network_blocked')

    origin.open()
    expect((await running.rest()).body.equals(body)).toBe(true)
    const large = await slow.rest()
    expect({ isComplete: large.isComplete, length: large.body.length }).toEqual({
      isComplete: true,
      length: 16 * 1024 * 1024,
    })
  })

  test('a new key works and a removed one does not', async () => {
    const life = await gateway.start()
    const link = gateway.sign('/files/a.bin')
    expect(await statusOf(life, link, A)).toBe(200)
    const key = JSON.parse(gateway.read('keys/test.json')) as object
    gateway.write('keys/test.json', JSON.stringify({ ...key, kid: 'another' }))
    await reload(life, 'is in force')
    expectProblem(await send(life, link), 403, 'link_invalid')
  })
})

async function reload(life: Life, says: string): Promise<void> {
  const before = life.child.stderr.length
  life.child.signal('SIGHUP')
  await life.child.until(() => (life.child.stderr.slice(before).includes(says) ? true : undefined))
}

function isRefused({ host, port }: Life): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED')
    })
  })
}
