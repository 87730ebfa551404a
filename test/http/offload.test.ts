import { afterAll, beforeAll, expect, test } from 'vitest'
import { send } from '../support/http-client.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const offload = 'x-accel:/internal/'
let gateway: TestGateway
let links = 0

beforeAll(async () => {
  gateway = await startTestGateway({
    files: { 'a b.bin': 'bytes' },
    policies: {
      open: { delivery: { offload } },
      counted: { delivery: { offload }, parallel: { maxDownloads: 1 } },
    },
    routes: ['open', 'counted'].map((policy) => ({
      path: `/${policy}/`,
      origin: 'library',
      policy,
      schemes: ['sluice-hmac'],
    })),
  })
})

afterAll(async () => {
  await gateway.close()
})

const link = (more: Record<string, string | number> = {}, route = 'open'): string =>
  gateway.sign(`/${route}/a%20b.bin`, { jti: `handed-${++links}`, ...more })

test('without reports an object is handed to nginx, and its place is free at once', async () => {
  for (let i = 0; i < 3; i++) {
    const { status, headers, body } = await send(gateway, link())
    expect([status, body.length]).toEqual([200, 0])
    expect(headers).toMatchObject({
      'x-accel-redirect': '/internal/a%20b.bin',
      'cache-control': 'private, no-store',
      'content-disposition': 'attachment; filename="a b.bin"',
    })
  }
  const { downloads } = (await (await gateway.admin('/v1/downloads')).json()) as {
    downloads: unknown[]
  }
  expect(downloads).toEqual([])
  const [record] = await gateway.records(1)
  expect(record).toMatchObject({
    status: 200,
    bytes: 0,
    coverage: 0,
    detail: 'sent by nginx, which reports nothing',
  })
})

test.each([
  ['limited uses', link.bind(undefined, { multi_use: 'false' })],
  ['limited downloads', link.bind(undefined, { max_parallel_downloads: 1 })],
  ['a rate', link.bind(undefined, { rate: 1_000_000 })],
  ['a policy that limits downloads', link.bind(undefined, {}, 'counted')],
])('without reports a link with %s is served by the gateway', async (_, target) => {
  const { status, headers, body } = await send(gateway, target())
  expect([status, body.toString(), headers['x-accel-redirect']]).toEqual([200, 'bytes', undefined])
})

test('who has no link never sees an internal path', async () => {
  const { status, headers } = await send(gateway, '/open/a%20b.bin')
  expect([status, headers['x-accel-redirect']]).toEqual([401, undefined])
})
