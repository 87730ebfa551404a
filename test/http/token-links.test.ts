import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const CONTENT = 'the bytes of the object'

let gateway: TestGateway

beforeAll(async () => {
  const key = (kid: string, alg: string): object => ({
    kty: 'oct',
    kid,
    alg,
    schemes: [kid],
    k: randomBytes(32).toString('base64url'),
  })
  const route = (path: string, scheme: object): object => ({
    path,
    origin: 'library',
    schemes: [scheme],
  })
  gateway = await startTestGateway({
    files: { 'show/1.ts': CONTENT, 'show/2 b.ts': CONTENT, 'other.ts': CONTENT },
    keys: [
      key('bunny', 'HS256'),
      key('akamai-edgeauth', 'HS256'),
      key('edgecast-ectoken', 'A256GCM'),
    ],
    routes: [
      route('/bunny/', { name: 'bunny' }),
      route('/bunny-path/', { name: 'bunny', links: 'path' }),
      route('/bunny-bound/', { name: 'bunny', accept: ['sha256'], ipBound: true }),
      route('/akamai/', { name: 'akamai-edgeauth' }),
      route('/akamai-cookie/', { name: 'akamai-edgeauth', location: 'cookie' }),
      route('/akamai-header/', { name: 'akamai-edgeauth', location: 'header' }),
      route('/edgecast/', { name: 'edgecast-ectoken' }),
    ],
  })
})

afterAll(() => gateway.close())

interface Minted {
  readonly url: string
  readonly cookies?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

async function mint(body: object): Promise<Minted> {
  const answer = await gateway.admin('/v1/links', { method: 'POST', body })
  const link = (await answer.json()) as Minted
  expect([answer.status, link]).toEqual([201, link])
  return link
}

async function fetched({ url, cookies = {}, headers = {} }: Minted): Promise<string> {
  const cookie = Object.entries(cookies).map((pair) => pair.join('='))
  const response = await fetch(url, {
    headers: { ...headers, ...(cookie.length > 0 && { cookie: cookie.join('; ') }) },
  })
  const body = await response.text()
  return response.ok ? body : (JSON.parse(body) as { code: string }).code
}

const ROUTES = ['bunny', 'bunny-path', 'akamai', 'akamai-cookie', 'akamai-header', 'edgecast']

it.each(ROUTES)('a minted link of %s opens its file and no other', async (route) => {
  const link = await mint({ path: `/${route}/show/2%20b.ts` })
  expect(await fetched(link)).toBe(CONTENT)
  expect(await fetched({ ...link, url: link.url.replace('show/2%20b', 'other') })).toBe(
    'link_invalid',
  )
})

it.each(ROUTES)('a minted link of the folder of %s opens what lies in it', async (route) => {
  const link = await mint({ path: `/${route}/show/*` })
  const asked = (name: string): Minted => {
    const [before = '', query] = link.url.split('?')
    return { ...link, url: `${before}${name}${query === undefined ? '' : `?${query}`}` }
  }
  expect(await fetched(asked('1.ts'))).toBe(CONTENT)
  expect(await fetched(asked('2%20b.ts'))).toBe(CONTENT)
  const { url } = asked('other.ts')
  const moved = url.replace(`/${route}/show/other.ts`, `/${route}/other.ts`)
  expect(await fetched({ ...link, url: moved })).toBe('link_invalid')
})

it.each(['bunny', 'bunny-path', 'bunny-bound', 'akamai', 'edgecast'])(
  'a minted link of %s for an address is for that address',
  async (route) => {
    const path = `/${route}/show/1.ts`
    expect(await fetched(await mint({ path, ip: '127.0.0.1' }))).toBe(CONTENT)
    expect(await fetched(await mint({ path, ip: '192.0.2.1' }))).toMatch(
      /^(?:link_invalid|address_not_allowed)$/,
    )
  },
)

it('a link that the format has no words for is not minted', async () => {
  const body = { path: '/bunny-bound/show/1.ts' }
  const answer = await gateway.admin('/v1/links', { method: 'POST', body })
  expect([answer.status, await answer.text()]).toEqual([
    422,
    expect.stringContaining('one address'),
  ])
})
