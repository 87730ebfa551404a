import { generateKeyPairSync, hash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SCHEMES } from '../../src/link/schemes/registry.ts'
import { CONSTRAINT_NAMES } from '../../src/link/constraints.ts'
import { run } from '../support/child.ts'
import { ROOT } from '../support/sluice.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'
import { findInterpreter } from './interpreters.ts'
import { fencesOf, programOf, readPage, rowsBelow } from './markdown.ts'

const PAGE = readPage('docs/link-formats.md')

/** How each program of the page is run, by its file name. */
const PROGRAMS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  'cloudfront.mjs': ['node'],
  's3.py': ['python3'],
  'nginx.sh': ['bash'],
  'cloud-cdn.go': ['go', 'run'],
  'azure.rb': ['ruby'],
  'Akamai.java': ['java'],
  'bunny.php': ['php'],
}

const OBJECT = readFileSync(join(ROOT, 'examples/library/demo.mp4'))

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const secrets = {
  s3: randomBytes(30).toString('base64'),
  nginx: 'a secret of nginx',
  bunny: randomBytes(18).toString('hex'),
  cloudCdn: randomBytes(16),
  azure: randomBytes(64),
  akamai: randomBytes(16),
}

function secretKey(kid: string, alg: string, scheme: string, secret: string | Buffer): object {
  return { kty: 'oct', kid, alg, schemes: [scheme], k: Buffer.from(secret).toString('base64url') }
}

let gateway: TestGateway
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-examples-'))
  const [route] = fencesOf(PAGE).filter(({ info }) => info === 'route')
  const { routes } = parse(route?.body ?? '') as { routes: object[] }
  gateway = await startTestGateway({
    files: { 'demo.mp4': OBJECT },
    routes,
    keys: [
      {
        ...rsa.publicKey.export({ format: 'jwk' }),
        kid: 'K2JCJMDEHXQW5F',
        alg: 'RS1',
        schemes: ['cloudfront-url'],
      },
      secretKey('AKIAIOSFODNN7EXAMPLE', 'HS256', 's3-sigv4', secrets.s3),
      secretKey('nginx', 'MD5', 'nginx-secure-link', secrets.nginx),
      secretKey('bunny', 'HS256', 'bunny', secrets.bunny),
      secretKey('my-key', 'HS1', 'gcdn', secrets.cloudCdn),
      secretKey('azure', 'HS256', 'azure-sas', secrets.azure),
      secretKey('akamai', 'HS256', 'akamai-edgeauth', secrets.akamai),
    ],
  })
})

afterAll(async () => {
  await gateway.close()
  rmSync(folder, { recursive: true, force: true })
})

function environment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    BASE_URL: gateway.url,
    CLOUDFRONT_KEY_ID: 'K2JCJMDEHXQW5F',
    CLOUDFRONT_PRIVATE_KEY: rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    S3_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    S3_SECRET_ACCESS_KEY: secrets.s3,
    NGINX_SECRET: secrets.nginx,
    BUNNY_KEY: secrets.bunny,
    CLOUD_CDN_KEY: `${secrets.cloudCdn.toString('base64url')}==`,
    CLOUD_CDN_KEY_NAME: 'my-key',
    AZURE_ACCOUNT_KEY: secrets.azure.toString('base64'),
    AKAMAI_KEY: secrets.akamai.toString('hex'),
    GOCACHE: join(folder, 'go-cache'),
  }
}

describe('the signing code of docs/link-formats.md', () => {
  test('is run here, all of it', () => {
    const files = fencesOf(PAGE).flatMap(({ info }) => /^file=(.+)$/.exec(info)?.[1] ?? [])
    expect(files.toSorted()).toEqual(Object.keys(PROGRAMS).toSorted())
  })

  for (const [file, [program, ...args]] of Object.entries(PROGRAMS)) {
    const { command, absence } = findInterpreter(program)
    test.runIf(command)(
      `${file} makes a link that downloads${absence}`,
      { timeout: 90_000 },
      async () => {
        const source = join(folder, file)
        writeFileSync(source, programOf(PAGE, file))
        const ended = await run(command ?? '', [...args, source], {
          cwd: folder,
          env: environment(),
        })
        if (ended.status !== 0) throw new Error(`exit status ${ended.status}: ${ended.stderr}`)
        const response = await fetch(ended.stdout.trimEnd())
        const bytes = Buffer.from(await response.arrayBuffer())
        expect([response.status, hash('sha256', bytes)]).toEqual([200, hash('sha256', OBJECT)])
      },
    )
  }
})

describe('the table of docs/link-formats.md', () => {
  const rows = rowsBelow(PAGE, '## What each can say')
  const surroundings = { isIgnored: () => false }

  test('has a row for every format', () => {
    expect(rows.map(([name]) => name)).toEqual(SCHEMES.map(({ name }) => `\`${name}\``))
  })

  test.each(SCHEMES.map((definition) => [definition.name, definition] as const))(
    'says of %s what its links can express',
    (name, { options, create }) => {
      const scheme = create(options.parse({}), surroundings)
      const said = CONSTRAINT_NAMES.filter((constraint) => scheme.expresses.has(constraint))
      const row = rows.find(([cell]) => cell === `\`${name}\``)
      expect(row?.slice(1, 3)).toEqual([
        scheme.signsPrefixes ? 'yes' : 'no',
        said.length === CONSTRAINT_NAMES.length
          ? 'everything'
          : said.map((constraint) => `\`${constraint}\``).join(', ') || '–',
      ])
    },
  )
})
