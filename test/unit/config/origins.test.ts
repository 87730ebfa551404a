import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { configFolder, GATEWAY } from './config-folder.ts'

const S3 = 'type: s3, bucket: media, region: eu-central-1'
const RSA_KEY = JSON.stringify({
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
  kid: 'cookie',
  alg: 'RS256',
  schemes: ['cloudfront-cookie'],
})
const SECRET = Buffer.alloc(32, 7).toString('base64url')

/** A gateway with one more origin, `x`, and keys for links to it. */
function folder(origin: string, env: Readonly<Record<string, string>> = {}) {
  const text = GATEWAY.replace('origins:\n', `origins:\n  x: { ${origin} }\n`)
  const key = (kid: string, schemes: readonly string[]): string =>
    JSON.stringify({ kty: 'oct', kid, alg: 'HS256', k: SECRET, schemes })
  const made = configFolder({
    'gateway.yaml': text,
    'keys/store.json': key('store', ['s3-sigv4', 'sluice-hmac']),
    'keys/cookie.json': RSA_KEY,
    'keys/00000000-0000-0000-0000-000000000000.json': key('00000000-0000-0000-0000-000000000000', [
      'azure-sas',
    ]),
    'ca.pem': 'x',
  })
  return {
    origin: () => made.load({ env }).config?.origins['x'],
    problems: () =>
      made
        .problems({ env })
        .map((problem) => problem.replace(/^gateway\.yaml:2:\d+: origins\.x\./, '')),
  }
}

describe('an origin of type s3', () => {
  it('has defaults, and its secrets from variables', () => {
    const env = { ID: 'AKIA', SECRET: 's/+', TOKEN: 't' }
    const secrets = 'accessKeyId: env:ID, secretAccessKey: env:SECRET, sessionToken: env:TOKEN'
    expect(folder(`${S3}, ${secrets}`, env).origin()).toEqual({
      type: 's3',
      bucket: 'media',
      region: 'eu-central-1',
      prefix: '',
      timeoutSeconds: 30,
      accessKeyId: 'AKIA',
      secretAccessKey: 's/+',
      sessionToken: 't',
    })
  })

  it('ends its prefix with a slash', () => {
    for (const prefix of ['films', 'films/']) {
      expect(folder(`${S3}, prefix: ${prefix}`).origin()).toMatchObject({ prefix: 'films/' })
    }
  })

  it.each([
    ['type: s3, region: a', 'bucket: is required'],
    ['type: s3, bucket: media', 'region: is required'],
    [`${S3}, bucket: a..b`.replace('bucket: media, ', ''), 'bucket: a bucket has'],
    [`${S3}, region: "a/b"`.replace(', region: eu-central-1', ''), 'region: a region has'],
    [`${S3}, endpoint: "s3.example"`, 'endpoint: expected an http'],
    [`${S3}, endpoint: "https://s3.example/?x"`, 'endpoint: must not hold a query'],
    [`${S3}, prefix: /films/`, 'prefix: must not begin with /'],
    [`${S3}, accessKeyId: A`, 'accessKeyId: needs secretAccessKey as well'],
    [`${S3}, secretAccessKey: A`, 'secretAccessKey: needs accessKeyId as well'],
    [`${S3}, sessionToken: A`, 'sessionToken: needs accessKeyId and secretAccessKey'],
    [
      `${S3}, accessKeyId: A, secretAccessKey: env:NONE`,
      'secretAccessKey: the environment has no variable NONE',
    ],
    [`${S3}, accessKeyId: "A B", secretAccessKey: s`, 'accessKeyId: expected characters without'],
    [
      `${S3}, endpoint: "http://10.0.0.1:9000", forcePathStyle: false`,
      'forcePathStyle: the bucket cannot stand in front of an address',
    ],
    [
      `${S3}, bucket: a_b, endpoint: "https://s3.example", forcePathStyle: false`.replace(
        'bucket: media, ',
        '',
      ),
      'forcePathStyle: the bucket is no name of a host',
    ],
    [`${S3}, ca: none.pem`, 'ca: cannot be read: ENOENT'],
    [`${S3}, url: "https://s3.example"`, 'url: unknown key'],
  ])('{ %s } is refused: %s', (origin, expected) => {
    const problems = folder(origin).problems()
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(expected)
  })

  it('holds no renditions', () => {
    const text = GATEWAY.replace('library: { type: file, root: library }', `library: { ${S3} }`)
    const problems = configFolder({
      'gateway.yaml': `${text}apis: { origin: library, elytron: {} }\n`,
    }).problems()
    expect(problems).toEqual([
      expect.stringContaining('apis.origin: must be a file origin: renditions and fetched files'),
    ])
  })
})

describe('presign of an origin', () => {
  const http = (presign: string): string =>
    `type: http, url: "https://o.example/media", presign: { ${presign} }`

  it('names a format, with its options, and a key', () => {
    const presign = 'scheme: { name: s3-sigv4, region: auto }, key: store, url: "https://p.example"'
    expect(folder(http(presign)).origin()).toMatchObject({
      presign: {
        scheme: { name: 's3-sigv4', region: 'auto', service: 's3' },
        key: 'store',
        url: 'https://p.example/',
      },
    })
  })

  it.each([
    ['scheme: s3-sigv4', 'presign.key: is required'],
    ['key: store', 'presign.scheme: is required'],
    ['scheme: s3-sigv44, key: store', 'did you mean s3-sigv4?'],
    ['scheme: s3-sigv4, key: stor', 'presign.key: there is no key stor (did you mean store?)'],
    ['scheme: gcs-v4, key: store', 'presign.key: the key store is not for gcs-v4'],
    ['scheme: cloudfront-cookie, key: cookie', 'presign.scheme: a redirect carries no cookie'],
    [
      'scheme: azure-sas, key: 00000000-0000-0000-0000-000000000000',
      'presign.scheme: the key 00000000-0000-0000-0000-000000000000 signs no links',
    ],
    ['scheme: s3-sigv4, key: store, url: "ftp://x"', 'presign.url: expected an http'],
  ])('{ %s } is refused: %s', (presign, expected) => {
    const problems = folder(http(presign)).problems()
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(expected)
  })

  it('is for origins of type http', () => {
    expect(folder(`${S3}, presign: { scheme: s3-sigv4, key: store }`).problems()).toEqual([
      expect.stringContaining('presign: unknown key'),
    ])
  })
})
