import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type OpenDownload, openDownload, send } from '../support/http-client.ts'
import { eachOf } from '../support/node-processes.ts'
import { workersForTest } from '../support/worker-processes.ts'

const PATIENCE_MS = 30_000

test('of a link with one parallel download four workers never serve two', async () => {
  const gateway = await workersForTest(4)
  const link = gateway.link('/slow/one.bin', { max_parallel_downloads: 1 })
  for (let round = 0; round < 5; round++) {
    // two connections of one client are one download
    const clients = Array.from({ length: 40 }, (_, i) => `127.0.1.${i + 1}`)
    const answers = await eachOf(clients, async (localAddress) =>
      openDownload(gateway, link, { localAddress, patienceMs: PATIENCE_MS }),
    )
    const open = answers.filter(({ status }) => status === 200)
    expect(open).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(39)
    for (const download of answers) download.kill()
    await eventually('its place is free', async () => {
      const { leases_held } = (await (await gateway.admin('/v1/stats')).json()) as Stats
      return leases_held === 0
    })
  }
  expect(gateway.origin.bodiesOf('/one.bin')).toHaveLength(5)
  expect(gateway.origin.pathsOver(1)).toEqual([])
}, 120_000)

test('a one-time link is good for one whole download over all workers', async () => {
  const gateway = await workersForTest(4, { files: { 'once.bin': Buffer.alloc(300_000, 'o') } })
  const once = Array.from({ length: 10 }, () =>
    gateway.link('/files/once.bin', { multi_use: 'false' }),
  )
  for (const link of once) {
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        send(gateway, link, { localAddress: `127.0.2.${i + 1}` }),
      ),
    )
    const whole = replies.filter(({ status, isComplete }) => status === 200 && isComplete)
    expect(whole).toHaveLength(1)
    expect((await send(gateway, link)).status).toBe(410)
  }
}, 120_000)

test('a worker that is killed frees what it held, is replaced, and the others go on', async () => {
  const gateway = await workersForTest(3)
  const links = Array.from({ length: 60 }, () => {
    const name = `${Math.random().toString(36).slice(2)}.bin`
    return { name, target: gateway.link(`/slow/${name}`, { max_parallel_downloads: 1 }) }
  })
  const held = await eachOf(links, async ({ name, target }) => ({
    name,
    target,
    download: await openDownload(gateway, target, {
      localAddress: '127.0.0.2',
      patienceMs: PATIENCE_MS,
    }),
  }))
  expect(held.map(({ download }) => download.status)).toEqual(links.map(() => 200))
  const [victim = 0] = gateway.pids()
  await gateway.killOne(victim)
  await eventually('what it served is cut', () => gateway.origin.open < links.length)
  const left = gateway.origin.open
  const again = await eachOf(held, async ({ target }) =>
    openDownload(gateway, target, { localAddress: '127.0.0.3', patienceMs: PATIENCE_MS }),
  )
  expect(again.filter(({ status }) => status === 200)).toHaveLength(links.length - left)
  expect(again.filter(({ status }) => status === 429)).toHaveLength(left)
  expect(gateway.origin.pathsOver(1)).toEqual([])
  gateway.origin.release()
  const rests = await Promise.all(held.map(({ download }) => download.rest()))
  expect(rests.filter(({ isComplete }) => isComplete)).toHaveLength(left)
  const regained = again.filter(({ status }) => status === 200)
  for (const { isComplete } of await Promise.all(regained.map((one) => one.rest()))) {
    expect(isComplete).toBe(true)
  }
  expect(gateway.child.stderr).toMatch(/worker \d ended with SIGKILL; it is replaced/)
}, 120_000)

test('a rate is the same over four workers, within 5 % over 10 s', async () => {
  const rate = 400_000
  const gateway = await workersForTest(4, {
    files: { 'large.bin': Buffer.alloc(64 * 1024 * 1024) },
  })
  const link = gateway.link('/files/large.bin', { rate })
  const open: OpenDownload[] = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      openDownload(gateway, link, { localAddress: `127.0.3.${i + 1}`, patienceMs: PATIENCE_MS }),
    ),
  )
  for (const download of open) await download.read(1)
  const rests = open.map((download) => download.rest())
  const total = (): number => open.reduce((sum, { received }) => sum + received, 0)
  // the first bytes come from what a flow begins with
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const before = total()
  const began = performance.now()
  await new Promise((resolve) => setTimeout(resolve, 10_000))
  const measured = (total() - before) / ((performance.now() - began) / 1000)
  for (const download of open) download.kill()
  await Promise.all(rests)
  expect(Math.abs(measured / rate - 1), `${measured} bytes/s`).toBeLessThan(0.05)
}, 120_000)

interface Stats {
  readonly leases_held: number
}
