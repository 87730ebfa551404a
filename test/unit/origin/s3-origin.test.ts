import type { Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { GatewayError } from '../../../src/base/failure.ts'
import type { ObjectRequest } from '../../../src/origin/origin.ts'
import { S3Origin, type S3OriginOptions } from '../../../src/origin/s3-origin.ts'
import { readAll } from '../../support/collecting-sink.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { until } from '../../support/open-files.ts'
import { RawServer } from '../../support/raw-server.ts'
import { S3Store, STORE_KEY, STORE_REGION } from '../../support/s3-store.ts'

const KEY = { accessKeyId: 'AKIATHROWAWAY0000001', secretAccessKey: 'not/a+real-secret' }
const HELLO = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'

let server: RawServer
let origin: S3Origin

function makeOrigin(options: Partial<S3OriginOptions> = {}): S3Origin {
  return new S3Origin({
    endpoint: server.url,
    region: 'eu-central-1',
    bucket: 'media',
    prefix: '',
    credentials: KEY,
    timeoutSeconds: 5,
    ...options,
  })
}

beforeEach(async () => {
  server = await RawServer.start(() => {})
  origin = makeOrigin()
})

afterEach(async () => {
  origin.close()
  await server.stop()
  vi.unstubAllEnvs()
})

/** Answers by method; a HEAD gets the head alone. */
function answers(...texts: string[]): void {
  server.answer = (head: string, socket: Socket, nth: number) => {
    const text = texts[Math.min(nth, texts.length) - 1] ?? ''
    socket.write(head.startsWith('HEAD ') ? text.slice(0, text.indexOf('\r\n\r\n') + 4) : text)
  }
}

function xml(status: string, code: string, more = '', fields = ''): string {
  const body =
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    `<Error><Code>${code}</Code><Message>Words of the store</Message>${more}</Error>`
  return `HTTP/1.1 ${status}\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`
}

const open = (request: Partial<ObjectRequest> = {}) =>
  origin.open({ name: 'film.mp4', want: 'body', ...request })

describe('S3Origin sends', () => {
  it('the bucket in the path, a signature, and nothing of a client', async () => {
    origin = makeOrigin({ prefix: 'a b/', clock: new FakeClock(1_700_000_000) })
    answers(HELLO)
    const found = await open({ name: 'ü+.mp4', range: { first: 0, last: 99 } }).catch(
      () => undefined,
    )
    if (found?.state === 'found') found.close()
    const [head = ''] = server.heads
    const lines = head.split('\r\n').map((line) => line.replace(/Signature=\w{64}$/, 'Signature=…'))
    expect(lines).toEqual([
      'GET /media/a%20b/%C3%BC%2B.mp4 HTTP/1.1',
      `Host: 127.0.0.1:${server.port}`,
      'User-Agent: sluice',
      'Accept-Encoding: identity',
      'X-Amz-Content-Sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      'X-Amz-Date: 20231114T221320Z',
      'Authorization: AWS4-HMAC-SHA256 Credential=AKIATHROWAWAY0000001/20231114/eu-central-1/s3/aws4_request, ' +
        'SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=…',
      'Range: bytes=0-99',
      '',
      '',
    ])
  })

  it('no name that would leave the prefix', async () => {
    origin = makeOrigin({ prefix: 'films/' })
    for (const name of ['../secret', '..', 'a/../../b', '']) {
      expect(await open({ name })).toEqual({ state: 'missing' })
    }
    expect(server.heads).toEqual([])
  })
})

describe('S3Origin answers', () => {
  it('with what the store says of an object, and none of its own fields', async () => {
    answers(
      'HTTP/1.1 200 OK\r\nETag: "d41d8"\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n' +
        'Content-Type: video/x-own\r\nx-amz-request-id: R\r\nx-amz-meta-secret: S\r\nContent-Length: 5\r\n\r\nhello',
    )
    const found = await open()
    if (found.state !== 'found') throw new Error('missing')
    expect(found.meta).toEqual({
      size: 5,
      etag: '"d41d8"',
      lastModified: 1_700_000_000,
      contentType: 'video/x-own',
      contentEncoding: undefined,
      contentLanguage: undefined,
    })
    expect((await readAll(found, 0, 5)).toString()).toBe('hello')
    found.close()
  })

  it.each(['metadata', 'body'] as const)(
    'a key that is not there is missing (%s)',
    async (want) => {
      answers(xml('404 Not Found', 'NoSuchKey'))
      expect(await open({ want })).toEqual({ state: 'missing' })
      await until(() => origin.connectionsInUse === 0)
    },
  )
})

describe('S3Origin says why', () => {
  const REGION = '<Region>eu-west-3</Region>'

  it.each([
    [
      '403 Forbidden',
      'AccessDenied',
      '',
      '',
      /^the origin answered 403 AccessDenied: the key may not/,
    ],
    ['403 Forbidden', 'SignatureDoesNotMatch', '', '', /secretAccessKey is wrong$/],
    ['403 Forbidden', 'InvalidAccessKeyId', '', '', /accessKeyId$/],
    ['403 Forbidden', 'RequestTimeTooSkewed', '', '', /clocks .* too far apart$/],
    [
      '400 Bad Request',
      'AuthorizationHeaderMalformed',
      REGION,
      '',
      /the bucket has the region eu-west-3$/,
    ],
    ['403 Forbidden', 'InvalidObjectState', '', '', /must be restored first$/],
    ['503 Slow Down', 'SlowDown', '', '', /^the origin answered 503 SlowDown$/],
    ['500 Oops', 'constructor', '', '', /^the origin answered 500 constructor$/],
  ])('%s %s', async (status, code, more, fields, expected) => {
    answers(
      xml(status, code, `${more}<AWSAccessKeyId>AKIATHROWAWAY0000001</AWSAccessKeyId>`, fields),
    )
    for (const want of ['body', 'metadata'] as const) {
      // a HEAD says too little of it, unless a GET would not say more
      if (want === 'metadata' && Number(status.slice(0, 3)) >= 500) continue
      const failure = await open({ want }).catch((error: GatewayError) => error)
      expect(failure).toMatchObject({ code: 'ERR_ORIGIN_RESPONSE', status: 502 })
      expect((failure as GatewayError).message).toMatch(expected)
      expect((failure as GatewayError).message).not.toMatch(/AKIA|Words/)
    }
    await until(() => origin.connectionsInUse === 0)
  })

  it.each([
    ['metadata', '301 Moved', 'PermanentRedirect'],
    ['body', '301 Moved', 'PermanentRedirect'],
    ['body', '307 Moved', 'TemporaryRedirect'],
  ] as const)('a bucket of another region (%s, %s)', async (want, status, code) => {
    answers(
      xml(status, code, '', 'Location: http://127.0.0.1/\r\nx-amz-bucket-region: eu-west-3\r\n'),
    )
    await expect(open({ want })).rejects.toMatchObject({
      code: 'ERR_ORIGIN_REDIRECT',
      message: expect.stringMatching(/: the bucket has the region eu-west-3$/) as string,
    })
    expect(server.heads).toHaveLength(1)
  })

  it.each(['metadata', 'body'] as const)(
    'a bucket that is not there, which is no missing object (%s)',
    async (want) => {
      answers(xml('404 Not Found', 'NoSuchBucket'))
      await expect(open({ want })).rejects.toMatchObject({
        message: 'the origin answered 404 NoSuchBucket: there is no such bucket',
      })
      await until(() => origin.connectionsInUse === 0)
    },
  )

  it('a HEAD of a key that is not there asks once whether the bucket is', async () => {
    answers(xml('404 Not Found', 'NoSuchKey'))
    for (let nth = 0; nth < 3; nth++) {
      expect(await open({ want: 'metadata' })).toEqual({ state: 'missing' })
    }
    expect(server.heads.map((head) => head.slice(0, 4))).toEqual(['HEAD', 'GET ', 'HEAD', 'HEAD'])
  })

  it.each([
    ['no XML', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'],
    ['a body without end', `HTTP/1.1 403 Forbidden\r\n\r\n${'<Code>'.repeat(20_000)}`],
    ['a region that is none', xml('403 Forbidden', '', '<Region>a\nb c</Region>')],
  ])('the status alone where the answer has %s', async (_, text) => {
    answers(text)
    await expect(open()).rejects.toMatchObject({ message: 'the origin answered 403' })
    await until(() => origin.connectionsInUse === 0)
  })

  it('a body that stands still is given up after the timeout', async () => {
    origin = makeOrigin({ timeoutSeconds: 0.2 })
    answers('HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\n<Code>Acc')
    await expect(open()).rejects.toMatchObject({ message: 'the origin answered 403' })
    await until(() => origin.connectionsInUse === 0)
  })
})

describe('S3Origin with temporary credentials', () => {
  it('asks for new ones once, when the store calls them expired', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'ASIAGIVEN')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    vi.stubEnv('AWS_SESSION_TOKEN', 'token')
    origin = makeOrigin({ credentials: undefined })
    answers(xml('400 Bad Request', 'ExpiredToken'), HELLO, xml('400 Bad Request', 'ExpiredToken'))
    const found = await open()
    expect(found.state).toBe('found')
    if (found.state === 'found') found.close()
    await expect(open()).rejects.toMatchObject({
      message: expect.stringMatching(/session/) as string,
    })
    expect(server.heads).toHaveLength(4)
    expect(server.heads[0]).toContain('X-Amz-Security-Token: token\r\n')
  })
})

describe('S3Origin before a store that checks', () => {
  let store: S3Store

  beforeAll(async () => {
    store = await S3Store.start()
    await store.put([['film.mp4', 'bytes of a film']])
  }, 60_000)

  afterAll(() => store.stop())

  const atStore = (options: Partial<S3OriginOptions>): Partial<S3OriginOptions> => ({
    endpoint: store.url,
    region: STORE_REGION,
    credentials: STORE_KEY,
    ...options,
  })

  it.each([
    [
      'another secret',
      { credentials: { ...STORE_KEY, secretAccessKey: 'x' } },
      /403 SignatureDoesNotMatch/,
    ],
    ['an unknown key', { credentials: KEY }, /403 InvalidAccessKeyId/],
    ['no such bucket', { bucket: 'none' }, /404 NoSuchBucket/],
  ])('%s is refused', async (_, options, expected) => {
    origin = makeOrigin(atStore(options))
    await expect(open()).rejects.toMatchObject({
      message: expect.stringMatching(expected) as string,
    })
  })

  it('its links open one object, for a while, with the fields that they say', async () => {
    origin = makeOrigin(atStore({}))
    const now = Math.floor(Date.now() / 1000)
    const terms = { name: 'film.mp4', method: 'GET', now, expiresAt: now + 60 } as const
    const response = {
      contentDisposition: 'attachment; filename="a b.mp4"',
      contentType: 'video/own',
    }
    const link = (await origin.presigner.presign({ ...terms, response })) ?? ''
    const answer = await fetch(link)
    expect([answer.status, await answer.text()]).toEqual([200, 'bytes of a film'])
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="a b.mp4"')
    expect(answer.headers.get('content-type')).toBe('video/own')
    expect((await fetch(link.replace('film.mp4', 'other.mp4'))).status).toBe(403)
    expect((await fetch(link.replace('a%20b', 'c%20d'))).status).toBe(403)
    const over = await origin.presigner.presign({ ...terms, now: now - 100, expiresAt: now - 40 })
    expect((await fetch(over ?? '')).status).toBe(403)
    expect(await origin.presigner.presign({ ...terms, name: '../x' })).toBeUndefined()
  })
})
