import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type OpenDownload, openDownload, send } from '../support/http-client.ts'
import { eachOf } from '../support/node-processes.ts'
import { tlsFilesForTest } from '../support/tls-files.ts'
import { workersForTest, type WorkerProcesses } from '../support/worker-processes.ts'

const PATIENCE_MS = 30_000

/** Connections on so many workers that chance leaves out none. */
function openMany(
  gateway: WorkerProcesses,
  target: string | (() => string),
  count = 24,
): Promise<OpenDownload[]> {
  return eachOf(Array.from({ length: count }), () =>
    openDownload(gateway, typeof target === 'string' ? target : target(), {
      localAddress: `127.0.4.${1 + Math.floor(Math.random() * 250)}`,
      patienceMs: PATIENCE_MS,
    }),
  )
}

test('a revocation ends downloads on every worker within a second, and refuses the link there', async () => {
  const gateway = await workersForTest(4)
  const link = gateway.link('/slow/a.bin', { subject: 'eve' })
  const open = await openMany(gateway, link)
  const kept = await openDownload(gateway, gateway.link('/slow/b.bin', { subject: 'adam' }))
  expect(open.every(({ status }) => status === 200)).toBe(true)
  const began = performance.now()
  const created = await gateway.admin('/v1/revocations', {
    method: 'POST',
    body: { subject: 'eve', end_downloads: true },
  })
  expect(created.status).toBe(201)
  const rests = await Promise.all(open.map((download) => download.rest()))
  expect(performance.now() - began).toBeLessThan(1000)
  expect(rests.some(({ isComplete }) => isComplete)).toBe(false)
  const replies = await eachOf(Array.from({ length: 24 }), () => send(gateway, link))
  expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 410))
  const { id } = (await created.json()) as { id: string }
  await gateway.admin(`/v1/revocations/${id}`, { method: 'DELETE' })
  const back = await openMany(gateway, link)
  expect(back.every(({ status }) => status === 200)).toBe(true)
  gateway.origin.release()
  expect((await kept.rest()).isComplete).toBe(true)
  await Promise.all(back.map((download) => download.rest()))
}, 120_000)

test('the end of the certificate is that of the workers, which alone have it', async () => {
  const { certificate: cert, key } = await tlsFilesForTest()
  const gateway = await workersForTest(2, { config: { server: { port: 0, tls: { cert, key } } } })
  await eventually('the workers said it', async () => {
    const metrics = await (await gateway.admin('/metrics')).text()
    const left = /^sluice_tls_certificate_expiry_seconds (\d+)$/m.exec(metrics)?.[1]
    return Number(left) > 86_400 && Number(left) <= 2 * 86_400
  })
}, 60_000)

test('downloads, figures, records and reports are those of all workers as one', async () => {
  const content = randomBytes(400_000)
  const gateway = await workersForTest(4, { files: { 'parts.bin': content } })
  const open = await openMany(gateway, () => gateway.link('/slow/shown.bin'))
  const link = gateway.link('/slow/one.bin', { jti: 'one-download' })
  const pieces = await Promise.all(
    Array.from({ length: 8 }, () => openDownload(gateway, link, { localAddress: '127.0.0.9' })),
  )
  const { downloads } = (await (await gateway.admin('/v1/downloads')).json()) as Downloads
  expect(downloads).toHaveLength(25)
  const shown = downloads.filter(({ link_id }) => link_id === 'one-download')
  expect(shown).toHaveLength(1)
  expect(shown[0]?.connections).toBe(8)
  expect((await gateway.admin(`/v1/downloads/${shown[0]?.id}`, { method: 'DELETE' })).status).toBe(
    204,
  )
  for (const { isComplete } of await Promise.all(pieces.map((piece) => piece.rest()))) {
    expect(isComplete).toBe(false)
  }
  gateway.origin.release()
  await Promise.all(open.map((download) => download.rest()))

  const parts = gateway.link('/files/parts.bin', { jti: 'in-parts' })
  const replies = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      send(gateway, parts, { headers: { range: `bytes=${i * 50_000}-${i * 50_000 + 49_999}` } }),
    ),
  )
  expect(Buffer.concat(replies.map(({ body }) => body)).equals(content)).toBe(true)
  await Promise.all(Array.from({ length: 40 }, () => send(gateway, '/files/small.txt')))
  const records = await gateway.records((all) => all.length >= 24 + 8 + 8 + 40)
  expect(new Set(records.map(({ request_id }) => request_id)).size).toBe(80)
  const report = (await (await gateway.admin('/v1/links/in-parts/report')).json()) as Report
  expect(report.requests).toBe(8)
  expect(report.downloads).toMatchObject([{ bytes: 400_000, coverage: 1 }])
  const stats = (await (await gateway.admin('/v1/stats')).json()) as Record<string, number>
  expect(stats).toMatchObject({ requests: 80, denied: 40 })
  const metrics = await (await gateway.admin('/metrics')).text()
  expect(metrics).toMatch(/^sluice_workers 4$/m)
  const counted = [...metrics.matchAll(/^sluice_requests_total\{.*\} (\d+)$/gm)]
  expect(counted.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(80)
}, 120_000)

test('a reload reaches every worker, and files with a problem none; keys and entries come at once', async () => {
  const policies = { default: { antiFraud: { default: true, lists: ['blocked'] } } }
  const gateway = await workersForTest(4, { policies, config: { lists: { blocked: {} } } })
  const statuses = async (target: string): Promise<Set<number>> => {
    // from many addresses, as one client may have but 16 connections
    const replies = await eachOf(
      Array.from({ length: 32 }, (_, i) => `127.0.6.${i + 1}`),
      (localAddress) => send(gateway, target, { localAddress }),
    )
    return new Set(replies.map(({ status }) => status))
  }
  const iat = Math.floor(Date.now() / 1000) - 5
  const link = gateway.link('/files/small.txt', { iat })
  expect(await statuses(link)).toEqual(new Set([200]))

  gateway.home.writePolicy('default', { ...policies.default, lifetime: { maxSeconds: 60 } })
  gateway.child.signal('SIGHUP')
  await gateway.child.until(() => /is in force/.test(gateway.child.stderr) || undefined)
  expect(await statuses(link)).toEqual(new Set([403]))

  gateway.home.writePolicy('default', { metods: ['GET'] })
  gateway.child.signal('SIGHUP')
  await gateway.child.until(() => /configuration stays/.test(gateway.child.stderr) || undefined)
  expect(await statuses(link)).toEqual(new Set([403]))

  gateway.home.writePolicy('default', policies.default)
  const made = await gateway.admin('/v1/keys', {
    method: 'POST',
    body: { alg: 'HS256', schemes: ['sluice-hmac'], kid: 'made-now', not_before: iat },
  })
  expect(made.status).toBe(201)
  const minted = await gateway.admin('/v1/links', {
    method: 'POST',
    body: { path: '/files/small.txt', scheme: 'sluice-hmac' },
  })
  const { url } = (await minted.json()) as { url: string }
  expect(url).toContain('KeyId=made-now')
  const { pathname, search } = new URL(url)
  expect(await statuses(pathname + search)).toEqual(new Set([200]))

  const entry = await gateway.admin('/v1/lists/blocked/127.0.0.0/8', {
    method: 'PUT',
    body: {},
  })
  expect(entry.ok).toBe(true)
  expect(await statuses(link)).toEqual(new Set([403]))
  // a replacement knows what was told to the one before it
  const [pid = 0] = gateway.pids()
  await gateway.killOne(pid)
  expect(await statuses(link)).toEqual(new Set([403]))
}, 120_000)

test('SIGTERM to all processes lets 300 downloads of all workers end whole, and exits with 0', async () => {
  const gateway = await workersForTest(3, { config: { server: { port: 0, drainSeconds: 60 } } })
  const names = Array.from({ length: 300 }, (_, i) => `${i}.bin`)
  const open = await eachOf(names, async (name) => ({
    name,
    download: await openDownload(gateway, gateway.link(`/slow/${name}`), {
      patienceMs: PATIENCE_MS,
    }),
  }))
  const pids = gateway.pids()
  for (const pid of pids) process.kill(pid, 'SIGTERM')
  gateway.child.signal('SIGTERM')
  await gateway.child.until(() => /draining/.test(gateway.child.stderr) || undefined)
  await delay(500)
  await expect(send(gateway, gateway.link('/files/small.txt'))).rejects.toThrow()
  gateway.origin.release()
  const rests = await Promise.all(
    open.map(async ({ name, download }) => ({ name, ...(await download.rest()) })),
  )
  for (const { name, isComplete, body } of rests) {
    expect(isComplete && body.equals(gateway.origin.contentOf(`/${name}`)), name).toBe(true)
  }
  expect((await gateway.child.ended).status).toBe(0)
  const records = await gateway.records((all) => all.length >= 300)
  expect(records.filter(({ ended_by }) => ended_by === 'complete')).toHaveLength(300)
}, 120_000)

test('no worker outlives a primary that was killed', async () => {
  const gateway = await workersForTest(3)
  const pids = gateway.pids()
  expect(pids).toHaveLength(3)
  await gateway.kill()
  await eventually('all are gone', () => pids.every((pid) => !isAlive(pid)))
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

interface Downloads {
  readonly downloads: readonly {
    readonly id: string
    readonly link_id: string
    readonly connections: number
  }[]
}

interface Report {
  readonly requests: number
  readonly downloads: readonly object[]
}
