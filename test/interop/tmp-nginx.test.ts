import { createSecretKey } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { Scheme, SignedLink } from '../../src/link/scheme.ts'
import { nginxSecureLink } from '../../src/link/schemes/nginx-secure-link.ts'
import { replayVector } from '../../src/operator/replay-vector.ts'
import { encodePath } from '../../src/request/canonical-path.ts'
import { run } from '../support/child.ts'
import { schemeWith } from '../support/link-verdict.ts'
import { type Nginx, startNginx } from '../support/nginx.ts'
import { needs, program } from '../support/programs.ts'
import { rawExchange } from '../support/raw-http.ts'
import { address, secretKey } from '../support/request-parts.ts'
import { startTestGateway } from '../support/test-gateway.ts'

const SECRET = 'a secret of ours'
const EXPRESSION = '$secure_link_expires$uri$remote_addr$arg_user $scheme://$host'
const MD5 = { mode: 'md5', expression: `${EXPRESSION} $secret` }
const OLD = { mode: 'secret', prefix: '/p/', allowUnlimited: true }

const secret = createSecretKey(Buffer.from(SECRET))
const KEY = secretKey('key', 0, { verifyKey: secret, signKey: secret })

let directory: string
let nginx: Nginx | undefined

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-nginx-'))
})

afterAll(async () => {
  await nginx?.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** The secure links of nginx's manual, in both forms. */
async function server(): Promise<Nginx> {
  nginx ??= await startNginx(
    directory,
    `location / {
      secure_link $arg_md5,$arg_expires;
      secure_link_md5 "${EXPRESSION} ${SECRET}";
      if ($secure_link = "") { return 403; }
      if ($secure_link = "0") { return 410; }
      return 200 "open";
    }
    location /p/ {
      secure_link_secret "${SECRET}";
      if ($secure_link = "") { return 403; }
      return 200 "open";
    }`,
  )
  return nginx
}

async function statusOf(target: string, client: string): Promise<number> {
  const { port } = await server()
  const answer = await rawExchange(
    port,
    `GET ${target} HTTP/1.1\r\nHost: Files.Example:${port}\r\nConnection: close\r\n\r\n`,
    { localAddress: client },
  )
  return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])
}

/** Whether the gateway decides as it should, in the words of a test vector. */
function disagreement(
  target: string,
  client: string,
  options: object,
  expected: 'allow' | 'deny',
): string | undefined {
  return replayVector({
    name: target,
    format: 'nginx-secure-link',
    keys: [{ id: 'key', type: 'secret', value: SECRET }],
    config: { ...options },
    method: 'GET',
    url: `http://files.example${target}`,
    clientIp: client,
    now: Math.floor(Date.now() / 1000),
    expect: expected,
  })
}

const CLIENT = '127.0.0.2'
const SITE = { scheme: 'http', host: 'files.example' } as const
const inAnHour = Math.floor(Date.now() / 1000) + 3600

function mint(path: string, options: typeof MD5 | typeof OLD, expiresAt = inAnHour): string {
  const scheme: Scheme = schemeWith(nginxSecureLink, options)
  const ip = options === MD5 ? { ip: [{ first: address(CLIENT), prefix: 32 }] } : {}
  const link = scheme.sign({ path: encodePath(path), expiresAt, constraints: ip, site: SITE }, KEY)
  if ('reason' in link) throw new Error(link.detail)
  return (link satisfies SignedLink).target
}

const paths = fc
  .array(
    fc.string({
      unit: fc.constantFrom(...Array.from('abXY09-_.~ ü日+;=@!%#?')),
      minLength: 1,
      maxLength: 8,
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((segments) => `/files/${segments.map((segment) => `x${segment}`).join('/')}`)

type Change = (target: string) => string

/** Changes that both judge alike. */
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Change>((target) => target) },
  fc
    .tuple(fc.nat(300), fc.constantFrom(...Array.from('aZ0-_./%&=+;')))
    .map(([at, c]): Change => (target) => {
      const place = 1 + (at % (target.length - 1))
      return target.slice(0, place) + c + target.slice(place + 1)
    }),
  fc
    .tuple(
      fc.nat(40),
      fc.constantFrom('/', '//', '/./', '/x/../', '%2e%2e/', '%61', '%2f', '%00', '..'),
    )
    .map(([at, piece]): Change => (target) => {
      const [path = ''] = target.split('?', 1)
      const place = 1 + (at % path.length)
      return target.slice(0, place) + piece + target.slice(place)
    }),
  fc.constantFrom<Change>(
    (target) => target.replace('/files/', '/files//'),
    (target) => target.replace('/files/', '/x/../files/./'),
    (target) => target.replace('/files/', '/%66iles/'),
    (target) => target.replace('md5=', 'MD5='),
    (target) => target.replace('expires=', 'Expires='),
    (target) => target.replace(/(md5=[^&]*)&(expires=\d+)/, '$2&$1'),
    (target) => target.replace(/(md5=[^&]*)/, '$1=='),
    (target) => target.replace(/(md5=.{22})/, '$1%3D%3D'),
    (target) => target.replace(/md5=[^&]*&?/, ''),
    (target) => target.replace(/&expires=.*/, ''),
    (target) => target.replace(/expires=.*/, 'expires=0'),
    (target) => target.replace(/expires=/, 'expires=-'),
    (target) => `${target}${target.includes('?') ? '&' : '?'}x=1`,
    (target) => `${target}${target.includes('?') ? '&' : '?'}user=eve`,
    (target) => target.replace(/[0-9a-f]{32}/, (hash) => hash.toUpperCase()),
  ),
)

/** What nginx lets through and a strict reading does not. */
function isLoose(target: string, options: object): boolean {
  // nginx finds its location by the decoded path
  if (options === OLD) return !target.startsWith('/p/')
  const hash = /[?&]md5=([^&]*)/i.exec(target)?.[1] ?? ''
  const bare = hash.split('=', 1)[0] ?? ''
  // nginx reads to the first `=`, and not the bits at the end that base64url leaves over
  const exact = Buffer.from(bare, 'base64url').toString('base64url')
  return bare.length === 22 && hash !== exact && hash !== `${exact}==`
}

describe('nginx', () => {
  needs('nginx')('accepts the links that are minted here, and nobody else’s', async () => {
    const link = mint('/files/a ü;b+c.mp4', MD5)
    expect(await statusOf(link, CLIENT)).toBe(200)
    expect(await statusOf(link, '127.0.0.3')).toBe(403)
    expect(await statusOf(mint('/files/a', MD5, inAnHour - 7200), CLIENT)).toBe(410)
    expect(await statusOf(mint('/files/a ü;b+c.mp4', OLD, Infinity), CLIENT)).toBe(200)
  })

  needs('nginx')(
    'and the gateway judge links and changed links alike',
    async () => {
      await server()
      let open = 0
      await fc.assert(
        fc.asyncProperty(
          paths,
          fc.constantFrom(MD5, OLD),
          fc.constantFrom(inAnHour, inAnHour - 7200),
          fc.array(change, { minLength: 1, maxLength: 2 }),
          async (path, options, expires, changes) => {
            const link = mint(path, options, options === OLD ? Infinity : expires)
            const target = changes.reduce((changed, by) => by(changed), link)
            const verdict = (await statusOf(target, CLIENT)) === 200 ? 'allow' : 'deny'
            if (verdict === 'allow') open++
            const expected = isLoose(target, options) ? 'deny' : verdict
            expect([target, disagreement(target, CLIENT, options, expected)]).toEqual([
              target,
              undefined,
            ])
          },
        ),
        { numRuns: 8000 },
      )
      expect(open).toBeGreaterThan(20)
    },
    300_000,
  )

  needs('nginx')('takes the first of two equal parameters, the gateway neither', async () => {
    const link = mint('/files/a', MD5)
    for (const target of [`${link}&md5=x`, `${link}&expires=1`, `${link}&MD5=x`]) {
      expect(await statusOf(target, CLIENT)).toBe(200)
      expect(disagreement(target, CLIENT, MD5, 'deny')).toBeUndefined()
    }
  })
})

describe('a link made as the manual of nginx says', () => {
  /** `echo -n … | openssl md5 -binary | openssl base64 | tr +/ -_ | tr -d =`. */
  async function opensslHash(text: string): Promise<string> {
    const script = 'printf %s "$1" | "$0" md5 -binary | "$0" base64 | tr +/ -_ | tr -d ='
    const { stdout } = await run('sh', ['-c', script, program('openssl'), text])
    return stdout.trim()
  }

  needs('openssl')('downloads from the gateway', async () => {
    const test = await startTestGateway({
      files: { 'a b.txt': 'the bytes' },
      keys: [
        {
          kty: 'oct',
          kid: 'nginx',
          alg: 'MD5',
          k: Buffer.from(SECRET).toString('base64url'),
          schemes: ['nginx-secure-link'],
        },
      ],
      routes: [{ path: '/files/', origin: 'library', schemes: ['nginx-secure-link'] }],
    })
    try {
      const hash = await opensslHash(`${inAnHour}/files/a b.txt127.0.0.1 ${SECRET}`)
      const url = `${test.url}/files/a%20b.txt?md5=${hash}&expires=${inAnHour}`
      expect(await (await fetch(url)).text()).toBe('the bytes')
      expect((await fetch(url, { method: 'HEAD' })).status).toBe(200)
      expect((await fetch(url.replace(`=${inAnHour}`, `=${inAnHour + 1}`))).status).toBe(403)
      expect((await fetch(`${url}&md5=${hash}`)).status).toBe(403)
    } finally {
      await test.close()
    }
  })
})
