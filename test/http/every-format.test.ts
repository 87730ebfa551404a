import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newKey, usualAlgorithm } from '../../src/config/generate.ts'
import type { Jwk } from '../../src/config/key-schema.ts'
import { SCHEMES } from '../../src/link/schemes/registry.ts'
import { GatedOrigin } from '../support/gated-origin.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

interface Row {
  readonly scheme: string
  readonly options?: Readonly<Record<string, unknown>>
  /** Kids of its keys, where the format has an opinion. */
  readonly kids?: readonly string[]
  /** Its links open folders only. */
  readonly isFolder?: boolean
  /** Where paths of the format have to lie. */
  readonly route?: string
}

/** Formats whose defaults do not do, and forms that carry a link elsewhere than the default. */
const SPECIAL: readonly Row[] = [
  { scheme: 'akamai-edgeauth', options: { location: 'query' } },
  { scheme: 'akamai-edgeauth', options: { location: 'cookie' } },
  { scheme: 'akamai-edgeauth', options: { location: 'header' } },
  { scheme: 'alibaba-cdn', options: { variant: 'A' } },
  { scheme: 'alibaba-cdn', options: { variant: 'B' } },
  { scheme: 'alibaba-cdn', options: { variant: 'C' } },
  { scheme: 'alibaba-cdn', options: { variant: 'F' } },
  { scheme: 'ats-url-sig', kids: ['3'] },
  { scheme: 'azure-sas', options: { account: 'devstoreaccount1' } },
  { scheme: 'bunny', options: { links: 'query' } },
  { scheme: 'bunny', options: { links: 'path' } },
  { scheme: 'cloudflare-stream', options: { location: 'path' } },
  { scheme: 'cloudflare-stream', options: { location: 'query' } },
  { scheme: 'gcdn', options: { links: 'url' } },
  { scheme: 'gcdn', options: { links: 'cookie' }, isFolder: true },
  { scheme: 'imgproxy', kids: ['key', 'salt'] },
  { scheme: 'lighttpd-secdownload', options: { timeout: 600 } },
  { scheme: 'mediacdn', options: { links: 'token' } },
  { scheme: 'mediacdn', options: { links: 'url' } },
  { scheme: 'mediacdn', options: { links: 'path' }, isFolder: true },
  { scheme: 'mediacdn', options: { links: 'cookie' }, isFolder: true },
  {
    scheme: 'nginx-secure-link',
    options: { expression: '$secure_link_expires$uri $secret' },
  },
  { scheme: 'swift-tempurl', route: '/v1/AUTH_media/films/' },
  { scheme: 'tencent-cdn', options: { variant: 'A' } },
  { scheme: 'tencent-cdn', options: { variant: 'B' } },
  { scheme: 'tencent-cdn', options: { variant: 'C' } },
  { scheme: 'tencent-cdn', options: { variant: 'D' } },
]

/** What the gateway reads but cannot mint. */
const READ_ONLY = ['dashif-wmt']

const ROWS = SCHEMES.filter(({ name }) => !READ_ONLY.includes(name))
  .flatMap(({ name }): readonly Row[] => {
    const special = SPECIAL.filter(({ scheme }) => scheme === name)
    return special.length > 0 ? special : [{ scheme: name }]
  })
  .map((row, i) => ({ route: `/route${i}/`, ...row, form: JSON.stringify(row.options ?? {}) }))

const KEYS: readonly Jwk[] = [...new Map(ROWS.map((row) => [row.scheme, row])).values()].flatMap(
  ({ scheme, kids = [`key of ${scheme}`.replaceAll(' ', '-')] }) =>
    kids.map((kid) => newKey({ kid, alg: usualAlgorithm([scheme])!, schemes: [scheme] })),
)

interface Minted {
  readonly url: string
  readonly id: string
  readonly cookies?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

const BODY = Buffer.from('the bytes of the object, of which some come early and the others late')
const OBJECT = 'show/1.ts'
/** Shorter values are times, names of keys and the like. */
const MIN_SECRET = 16

let origin: GatedOrigin
let gateway: TestGateway
let recordsSoFar = 0

beforeAll(async () => {
  origin = await GatedOrigin.start(BODY)
  gateway = await startTestGateway({
    keys: KEYS,
    config: { origins: { gated: { type: 'http', url: origin.url } } },
    routes: ROWS.map(({ route, scheme, options }) => ({
      path: route,
      origin: 'gated',
      schemes: [{ name: scheme, ...options }],
    })),
  })
})

afterAll(async () => {
  await gateway.close()
  await origin.stop()
})

async function mint({ scheme, route, isFolder }: (typeof ROWS)[number]): Promise<Minted> {
  const path = `${route}${isFolder ? 'show/*' : OBJECT}`
  const body = { path, scheme, expires_in: 300 }
  const answer = await gateway.admin('/v1/links', { method: 'POST', body })
  const link = (await answer.json()) as Minted
  expect([answer.status, link]).toEqual([201, expect.objectContaining({ scheme })])
  if (!isFolder) return link
  const [before = '', query] = link.url.split('?')
  return { ...link, url: `${before}1.ts${query === undefined ? '' : `?${query}`}` }
}

/** Asks as a player does whose page has the link for its address. */
function ask({ url, cookies = {}, headers = {} }: Minted): Promise<Response> {
  const cookie = Object.entries(cookies).map((pair) => pair.join('='))
  const sent = { ...headers, ...(cookie.length > 0 && { cookie: cookie.join('; ') }) }
  return fetch(url, { headers: { ...sent, referer: url } })
}

/** What a link carries beside the plain path: in segments of the path, parameters, cookies, headers. */
function carried({ url, cookies = {}, headers = {} }: Minted, plainPath: string): string[] {
  const { pathname, search } = new URL(url)
  const plain = plainPath.split('/')
  return [
    ...pathname.split('/').filter((segment) => !plain.includes(segment)),
    ...search
      .slice(1)
      .split('&')
      .map((pair) => pair.slice(pair.indexOf('=') + 1)),
    ...Object.values(cookies),
    ...Object.values(headers),
  ].filter((value) => value.length >= MIN_SECRET)
}

/** The values, as they stand and decoded, and their parts. */
function secretsIn(link: Minted, plainPath: string): string[] {
  const values = carried(link, plainPath).flatMap((value) => [value, decodeURIComponent(value)])
  return [...new Set(values.flatMap((value) => [value, ...value.split(/[^\w-]/)]))].filter(
    // records name a link by its id, and the key
    (text) =>
      text.length >= MIN_SECRET && text !== link.id && !KEYS.some(({ kid }) => kid === text),
  )
}

/** The same link with one character near the end of its longest value changed, all of which is signed. */
function forged(link: Minted, plainPath: string): Minted {
  const [longest = ''] = carried(link, plainPath).sort((x, y) => y.length - x.length)
  const at = longest.length - 8
  const changed = longest.slice(0, at) + (longest[at] === '0' ? '1' : '0') + longest.slice(at + 1)
  const flip = (values: Readonly<Record<string, string>> = {}): Record<string, string> =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, value === longest ? changed : value]),
    )
  return {
    ...link,
    url: link.url.replace(longest, changed),
    cookies: flip(link.cookies),
    headers: flip(link.headers),
  }
}

async function refusalOf(link: Minted): Promise<unknown[]> {
  const answer = await ask(link)
  const { code } = (await answer.json()) as { readonly code: string }
  return [answer.status, code, answer.headers.get('referrer-policy')]
}

/** Everything that the gateway has kept or shows, by place; `running` is what it listed while it sent. */
async function kept(running: string): Promise<Record<string, string>> {
  recordsSoFar += 3
  await gateway.records(recordsSoFar)
  const shown = async (path: string): Promise<string> => (await gateway.admin(path)).text()
  const written = (name: string): string => readFileSync(join(gateway.directory, name), 'utf8')
  return {
    'access record': written('access.jsonl'),
    'audit record': written('audit.jsonl'),
    log: gateway.logged.join('\n'),
    '/v1/records': await shown('/v1/records'),
    '/v1/downloads': running,
    '/metrics': await shown('/metrics'),
    origin: origin.server.heads.join(''),
  }
}

describe('a minted link opens its object and is kept from origin, records, log and metrics', () => {
  it.each(ROWS)('$scheme $form', async (row) => {
    const plainPath = row.route + OBJECT
    const link = await mint(row)
    const asked = origin.server.heads.length
    origin.shut()
    const answer = await ask(link)
    expect([answer.status, answer.headers.get('referrer-policy')]).toEqual([200, 'no-referrer'])
    const running = await (await gateway.admin('/v1/downloads')).text()
    expect(running).toContain(`"path":"${plainPath}"`)
    origin.open()
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(BODY)
    expect(origin.server.heads.slice(asked)).toEqual([
      expect.stringMatching(/^GET \/show\/1\.ts HTTP\/1\.1\r\n/),
    ])

    const changed = forged(link, plainPath)
    expect(await refusalOf(changed)).toEqual([403, 'link_invalid', 'no-referrer'])
    const bare = { url: gateway.url + plainPath, id: '' }
    expect(await refusalOf(bare)).toEqual([401, 'link_missing', 'no-referrer'])
    expect(origin.server.heads).toHaveLength(asked + 1)

    const places = await kept(running)
    expect(places['/v1/records']).toContain(plainPath)
    expect(places['access record']).toContain(plainPath)
    const secrets = [...secretsIn(link, plainPath), ...secretsIn(changed, plainPath)]
    expect(secrets.length).toBeGreaterThan(1)
    const leaks = Object.entries(places).flatMap(([place, text]) =>
      secrets.filter((secret) => text.includes(secret)).map((secret) => [place, secret]),
    )
    expect(leaks).toEqual([])
  })
})
