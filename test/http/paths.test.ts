import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GatedOrigin } from '../support/gated-origin.ts'
import { type JoseSigner, makeJoseSigner } from '../support/jose-links.ts'
import { parseAnswers } from '../support/raw-answers.ts'
import { rawExchange } from '../support/raw-http.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

let gateway: TestGateway
let origin: GatedOrigin
let jose: JoseSigner

beforeAll(async () => {
  origin = await GatedOrigin.start(Buffer.from('object'))
  origin.open()
  jose = await makeJoseSigner()
  gateway = await startTestGateway({
    keys: [jose.jwk],
    config: { origins: { http: { type: 'http', url: origin.url } } },
    routes: [{ path: '/files/', origin: 'http', schemes: ['sluice-hmac', 'sluice-jwt'] }],
  })
})

afterAll(async () => {
  await gateway.close()
  await origin.stop()
})

async function statusAndCode(target: string): Promise<string> {
  // latin1: the bytes go out as they are written here
  const request = Buffer.from(
    `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    'latin1',
  )
  const [answer] = parseAnswers(await rawExchange(gateway.port, request))
  const code = /"code":"([^"]+)"/.exec(answer?.body ?? '')?.[1]
  return `${answer?.status} ${code}`
}

describe('a hostile path is refused with 400 path_invalid, whatever its link', () => {
  test.each([
    '/files/../a',
    '/files/a/..',
    '/files/./a',
    '/files/a/.',
    '/../files/a',
    '/./files/a',
    '/files/%2e%2e/a',
    '/files/%2E%2E/a',
    '/files/.%2e/a',
    '/files/%2e/a',
    '/files/a/%2e%2e',
    '/files/..;/a',
    '/files/..;x=y/a',
    '/files/.;/a',
    '/files/%2e%2e;/a',
    '/files/%2e%2e%3b/a',
    '/files//a',
    '//files/a',
    '/files/a//b',
    '/files/',
    '/files/a/',
    '/files/a%2fb',
    '/files/a%2Fb',
    '/files/..%2fa',
    '/files/a%5cb',
    '/files/a%5Cb',
    '/files/a\\b',
    '/files/..\\a',
    '/files/a%00',
    '/files/a%00.txt',
    '/files/a%0d%0aX-Evil:1',
    '/files/a%0a',
    '/files/a%1f',
    '/files/a%7f',
    '/files/a%09',
    '/files/%252e%252e/a',
    '/files/a%252fb',
    '/files/a%2541',
    '/files/a%25%32%35',
    '/files/a%',
    '/files/a%2',
    '/files/a%zz',
    '/files/a%u002e',
    '/files/%c0%ae%c0%ae/a',
    '/files/a%c0%af',
    '/files/a%ff',
    '/files/a%c3',
    '/files/a%ed%a0%80',
    '/files/a%f4%90%80%80',
  ])('%s', async (path) => {
    const before = origin.server.heads.length
    const token = await jose.token('/*')
    const carried = [path, gateway.sign(path), `${path}?token=${token}`, `/~${token}${path}`]
    for (const target of carried) {
      expect(await statusAndCode(target), target.slice(0, 60)).toBe('400 path_invalid')
    }
    expect(origin.server.heads.length).toBe(before)
  })

  test.each(['/files/a\x80', '/files/\xe9', '/files/a\x7fb', '/files/\xc3\xa9'])(
    'a raw byte above ASCII: %j',
    async (path) => {
      const before = origin.server.heads.length
      expect(await statusAndCode(path)).toMatch(/^400 (path|request)_invalid$/)
      expect(await statusAndCode(gateway.sign(path))).toMatch(/^400 (path|request)_invalid$/)
      expect(origin.server.heads.length).toBe(before)
    },
  )
})

describe('what only looks odd is a path like any other', () => {
  test.each([
    ['/files/a..b', '/a..b'],
    ['/files/...', '/...'],
    ['/files/..a', '/..a'],
    ['/files/.hidden', '/.hidden'],
    ['/files/a;b', '/a;b'],
    ['/files/100%25', '/100%25'],
    ['/files/100%25%20sure', '/100%25%20sure'],
    ['/files/a%20b', '/a%20b'],
    ['/files/a+b', '/a+b'],
    ['/files/%C3%A9', '/%C3%A9'],
    ['/files/%c3%a9', '/%C3%A9'],
    ['/files/%61', '/a'],
    ['/files/%3f%23', '/%3F%23'],
    ['/files/~x/a', '/~x/a'],
    ['/files/%F0%9F%98%80', '/%F0%9F%98%80'],
  ])('%s is asked of the origin as %s', async (path, asked) => {
    expect(await statusAndCode(gateway.sign(path))).toBe('200 undefined')
    const [target = ''] = origin.server.heads.at(-1)?.split(' ').slice(1) ?? []
    expect(decodeURIComponent(target)).toBe(decodeURIComponent(asked))
    expect(target).toMatch(/^[\x21-\x7e]+$/)
    expect(target).not.toMatch(/[?#]/)
  })
})
