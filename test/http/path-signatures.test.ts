import { createHash, createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rawExchange } from '../support/raw-http.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const SECRET = 'a secret of an old server'
const CONTENT = 'the bytes of the report'

let test: TestGateway
const now = Math.floor(Date.now() / 1000)

function key(kid: string, alg: string, scheme: string): object {
  const k = Buffer.from(SECRET).toString('base64url')
  return { kty: 'oct', kid, alg, k, schemes: [scheme] }
}

beforeAll(async () => {
  test = await startTestGateway({
    files: { 'img/a b.pdf': CONTENT },
    keys: [
      key('nginx', 'MD5', 'nginx-secure-link'),
      key('lighttpd', 'HS256', 'lighttpd-secdownload'),
      key('3', 'HS1', 'ats-url-sig'),
    ],
    routes: [
      {
        path: '/',
        origin: 'library',
        schemes: [
          { name: 'nginx-secure-link', mode: 'secret', prefix: '/p/', allowUnlimited: true },
          { name: 'lighttpd-secdownload', prefix: '/dl/', timeout: 600 },
          { name: 'ats-url-sig', sigAnchor: 'sig' },
        ],
      },
    ],
  })
})

afterAll(() => test.close())

async function fetched(target: string, method = 'GET'): Promise<string> {
  const response = await fetch(test.url + target, { method })
  const body = await response.text()
  if (response.ok) return method === 'HEAD' ? `${response.status}` : body
  return (JSON.parse(body) as { code: string }).code
}

function nginx(link: string): string {
  return `/p/${createHash('md5')
    .update(link + SECRET)
    .digest('hex')}/${link}`
}

function lighttpd(path: string, decoded: string, at = now): string {
  const time = at.toString(16)
  const mac = createHmac('sha256', SECRET).update(`/${time}${decoded}`).digest('base64url')
  return `/dl/${mac}/${time}${path}`
}

function ats(): string {
  const parts = `${new URL(test.url).host}/img`
  const tail = `;E=${now + 600};A=1;K=3;P=1;S=`
  const signature = createHmac('sha1', SECRET)
    .update(parts + tail)
    .digest('hex')
  return Buffer.from(tail + signature).toString('base64url')
}

describe('one route takes signatures in the path of three servers', () => {
  it('and each opens its object', async () => {
    for (const target of [
      nginx('img/a%20b.pdf'),
      lighttpd('/img/a%20b.pdf', '/img/a b.pdf'),
      `/img/${ats()}/a%20b.pdf`,
      `/img;sig=${ats()}/a%20b.pdf`,
    ]) {
      expect([target, await fetched(target)]).toEqual([target, CONTENT])
      expect([target, await fetched(target, 'HEAD')]).toEqual([target, '200'])
    }
  })

  it('and none opens another', async () => {
    for (const target of [
      nginx('img/a%20b.pdf').replace('a%20b', 'c'),
      lighttpd('/img/c.pdf', '/img/a b.pdf'),
      `/other/${ats()}/a%20b.pdf`,
    ]) {
      expect([target, await fetched(target)]).toEqual([target, 'link_invalid'])
    }
    expect(await fetched('/img/a%20b.pdf')).toBe('link_missing')
    const late = lighttpd('/img/a%20b.pdf', '/img/a b.pdf', now - 4000)
    expect(await fetched(late)).toBe('link_expired')
  })

  it('and a hostile path behind one stays hostile', async () => {
    for (const path of ['/img/%2e%2e/secret', '/img/..%2fsecret', '/img//a%20b.pdf']) {
      // fetch would resolve the dots
      const answer = await rawExchange(
        test.port,
        `GET ${lighttpd(path, path)} HTTP/1.1\r\nHost: ${test.host}\r\nConnection: close\r\n\r\n`,
      )
      expect([path, answer.slice(0, 12)]).toEqual([path, 'HTTP/1.1 400'])
    }
  })

  it('and records name the object, never the signature', async () => {
    const target = lighttpd('/img/a%20b.pdf', '/img/a b.pdf')
    const token = target.split('/')[2] ?? ''
    expect(await fetched(target)).toBe(CONTENT)
    const records = await test.records(1)
    expect(records.filter(({ path }) => path === '/img/a b.pdf').length).toBeGreaterThan(0)
    expect(JSON.stringify(records)).not.toContain(token)
  })
})

describe('the admin API mints', () => {
  const mint = async (body: object): Promise<Record<string, unknown>> => {
    const response = await test.admin('/v1/links', { method: 'POST', body })
    return (await response.json()) as Record<string, unknown>
  }

  it.each(['lighttpd-secdownload', 'ats-url-sig'])('links of %s that open', async (scheme) => {
    const { url } = await mint({ path: '/img/a%20b.pdf', scheme, expires_in: 300 })
    expect(await (await fetch(String(url))).text()).toBe(CONTENT)
  })

  it('no link of lighttpd that would begin in the future', async () => {
    const body = { path: '/img/a%20b.pdf', scheme: 'lighttpd-secdownload', expires_in: 3600 }
    expect(JSON.stringify(await mint(body))).toContain('expires_in')
  })

  it('no link of secure_link_secret, which says no expiry', async () => {
    const body = { path: '/img/a%20b.pdf', scheme: 'nginx-secure-link', expires_in: 300 }
    expect(JSON.stringify(await mint(body))).toContain('never expire')
  })
})
