import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CONTRACT_OBJECTS } from '../contract/origin-contract.ts'
import { encodePath } from '../../src/request/canonical-path.ts'
import { send } from '../support/http-client.ts'
import { S3Store, STORE_KEY, STORE_REGION } from '../support/s3-store.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

let store: S3Store
let gateway: TestGateway

beforeAll(async () => {
  store = await S3Store.start()
  await store.put([...CONTRACT_OBJECTS].map(([name, bytes]) => [`films/${name}`, bytes] as const))
  const bucket = { type: 's3', endpoint: store.url, region: STORE_REGION, bucket: 'media' }
  gateway = await startTestGateway({
    config: {
      origins: {
        bucket: { ...bucket, prefix: 'films/', ...STORE_KEY },
        locked: { ...bucket, ...STORE_KEY, secretAccessKey: 'another-secret' },
      },
    },
    routes: [
      { path: '/films/', origin: 'bucket', schemes: ['sluice-hmac'] },
      { path: '/locked/', origin: 'locked', schemes: ['sluice-hmac'] },
    ],
  })
}, 60_000)

afterAll(async () => {
  await gateway.close()
  await store.stop()
})

const get = (name: string, headers: Record<string, string> = {}, method = 'GET') =>
  send(gateway, gateway.sign(`/films/${encodePath(name)}`), { method, headers })

describe('a bucket behind the gateway', () => {
  test.each([...CONTRACT_OBJECTS.keys()].filter((name) => !/[%\\]/.test(name)))(
    'serves %j whole',
    async (name) => {
      const answer = await get(name)
      expect(answer.status).toBe(200)
      expect(answer.body.equals(CONTRACT_OBJECTS.get(name) as Buffer)).toBe(true)
    },
  )

  test('serves ranges, one and many', async () => {
    const large = CONTRACT_OBJECTS.get('large.mp4') as Buffer
    const one = await get('large.mp4', { range: 'bytes=100000-299999' })
    expect([one.status, one.headers['content-range']]).toEqual([
      206,
      `bytes 100000-299999/${large.length}`,
    ])
    expect(one.body.equals(large.subarray(100_000, 300_000))).toBe(true)
    const many = await get('large.mp4', { range: 'bytes=0-9,50-59' })
    expect([many.status, many.headers['content-type']]).toEqual([
      206,
      expect.stringMatching(/^multipart\/byteranges/),
    ])
    expect((await get('large.mp4', { range: 'bytes=99999999-' })).status).toBe(416)
  })

  test('answers HEAD and conditions with the validators of the store', async () => {
    const head = await get('small.txt', {}, 'HEAD')
    const { etag = '', 'last-modified': modified = '' } = head.headers as Record<string, string>
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '13', 0])
    expect((await get('small.txt', { 'if-none-match': etag })).status).toBe(304)
    expect((await get('small.txt', { 'if-modified-since': modified })).status).toBe(304)
    expect((await get('small.txt', { 'if-match': '"other"' })).status).toBe(412)
    const resumed = await get('small.txt', { range: 'bytes=7-', 'if-range': etag })
    expect([resumed.status, resumed.body.toString()]).toEqual([206, 'world\n'])
  })

  test('lets nothing of the store through', async () => {
    const { headers } = await get('small.txt')
    expect(Object.keys(headers).filter((name) => /amz|server|request-id$/.test(name))).toEqual(
      Object.keys(headers).filter((name) => name === 'x-request-id'),
    )
  })

  test('answers 404 for a key that is not there', async () => {
    expect((await get('none.mp4')).status).toBe(404)
  })

  test('answers 502 for a key that may not, and tells operators alone why', async () => {
    const before = (await gateway.records(1)).length
    for (const method of ['GET', 'HEAD']) {
      const answer = await send(gateway, gateway.sign('/locked/films/small.txt'), { method })
      expect(answer.status).toBe(502)
      expect(answer.body.toString()).not.toMatch(/Signature|S3RVER|secret/)
    }
    const records = await gateway.records(before + 2)
    for (const record of records.slice(-2)) {
      expect(record).toMatchObject({
        reason: 'origin_response_invalid',
        detail: 'the origin answered 403 SignatureDoesNotMatch: the secretAccessKey is wrong',
      })
      expect(JSON.stringify(record)).not.toMatch(/S3RVER|another-secret/)
    }
  })
})
