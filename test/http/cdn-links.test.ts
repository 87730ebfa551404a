import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const CONTENT = 'the bytes of the object'

interface Minted {
  readonly url: string
  readonly cookies?: Readonly<Record<string, string>>
}

const schemes = [
  'cloudfront-url',
  'cloudfront-cookie',
  'gcdn',
  { name: 'gcdn', links: 'cookie' },
  'mediacdn',
  { name: 'mediacdn', links: 'url' },
  { name: 'mediacdn', links: 'path' },
  { name: 'mediacdn', links: 'cookie' },
].map((entry, i) => ({
  name: typeof entry === 'string' ? entry : entry.name,
  path: `/r${i}/`,
  entry,
}))

let test: TestGateway

beforeAll(async () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const ed25519 = generateKeyPairSync('ed25519').privateKey
  test = await startTestGateway({
    files: { 'show/1.ts': CONTENT, 'show/2.ts': CONTENT, 'other.ts': CONTENT },
    keys: [
      {
        ...rsa.export({ format: 'jwk' }),
        kid: 'KRSA',
        alg: 'RS256',
        schemes: ['cloudfront-url', 'cloudfront-cookie'],
      },
      {
        kty: 'oct',
        k: randomBytes(16).toString('base64url'),
        kid: 'cloud',
        alg: 'HS1',
        schemes: ['gcdn'],
      },
      { ...ed25519.export({ format: 'jwk' }), kid: 'media', alg: 'EdDSA', schemes: ['mediacdn'] },
    ],
    routes: schemes.map(({ path, entry }) => ({ path, origin: 'library', schemes: [entry] })),
  })
})

afterAll(() => test.close())

async function mint(body: object): Promise<Response> {
  return test.admin('/v1/links', { method: 'POST', body })
}

async function fetched({ url, cookies = {} }: Minted): Promise<string> {
  const cookie = Object.entries(cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join('; ')
  const response = await fetch(url, { headers: cookie === '' ? {} : { cookie } })
  const body = await response.text()
  return response.ok ? body : (JSON.parse(body) as { code: string }).code
}

it.each(schemes)('a folder link of $entry opens the folder and nothing else', async ({ path }) => {
  const answer = await mint({ path: `${path}show/*` })
  expect(answer.status).toBe(201)
  const link = (await answer.json()) as Minted
  const asked = (name: string): Minted => {
    const [before = '', query] = link.url.split('?')
    return { ...link, url: `${before}${name}${query === undefined ? '' : `?${query}`}` }
  }
  expect(await fetched(asked('1.ts'))).toBe(CONTENT)
  expect(await fetched(asked('2.ts'))).toBe(CONTENT)
  const moved = { ...link, url: asked('1.ts').url.replace('show/', '').replace('1.ts', 'other.ts') }
  expect(await fetched(moved)).toBe('link_invalid')
})

it.each(schemes)('a link of $entry opens one object, or is not made', async ({ path }) => {
  const answer = await mint({ path: `${path}show/1.ts` })
  if (answer.status !== 201) {
    expect(await answer.text()).toMatch(/opens a prefix/)
    return
  }
  const link = (await answer.json()) as Minted
  expect(await fetched(link)).toBe(CONTENT)
  expect(await fetched({ ...link, url: link.url.replace('1.ts', '2.ts') })).toBe('link_invalid')
})

it('a constraint that a format has no words for is refused by name', async () => {
  const answer = await mint({ path: '/r2/show/1.ts', ip: '192.0.2.1' })
  expect([answer.status, await answer.text()]).toEqual([422, expect.stringContaining('ip')])
})
