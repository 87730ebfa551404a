import { generateKeyPairSync, type JsonWebKey, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type NewKeyOptions, newKey } from '../../../src/config/generate.ts'
import { type KeyAlgorithm, loadAdminTokens, loadKeys } from '../../../src/config/keys.ts'
import { formatProblem } from '../../../src/config/problem.ts'
import { configFolder } from './config-folder.ts'

const SECRET = Buffer.alloc(32, 'sEcReT').toString('base64url')
const OCT = { kty: 'oct', kid: 'k1', alg: 'HS256', schemes: ['sluice-jwt'], k: SECRET }

/** The problems of one key file, without its path, and never with the secret in them. */
function problems(content: unknown): string[] {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  const folder = configFolder({ 'keys/a.json': text })
  const printed = loadKeys(folder.path('keys')).problems.map(
    (problem) => formatProblem(problem).split('keys/')[1] ?? '',
  )
  expect(printed.join('\n')).not.toContain(SECRET.slice(0, 8))
  return printed
}

/** What is said of the length of a secret. */
function secretProblem(scheme: string, bytes: number): string | undefined {
  const k = Buffer.alloc(bytes, 's').toString('base64url')
  return problems({ ...OCT, schemes: [scheme], k }).find((problem) => problem.includes(' k: '))
}

function jwt(alg: KeyAlgorithm): NewKeyOptions {
  return { alg, schemes: ['sluice-jwt'] }
}

function rsa(modulusLength: number): JsonWebKey {
  return generateKeyPairSync('rsa', { modulusLength }).privateKey.export({ format: 'jwk' })
}

function ec(namedCurve: string): JsonWebKey {
  return generateKeyPairSync('ec', { namedCurve }).privateKey.export({ format: 'jwk' })
}

describe('a key file', () => {
  it('with an oct key gives a secret and nothing public', () => {
    const folder = configFolder({
      'keys/a.json': JSON.stringify({ ...OCT, notBefore: 5, retireAt: 9 }),
    })
    const { keys, problems: found, warnings } = loadKeys(folder.path('keys'))
    expect([...found, ...warnings]).toEqual([])
    expect(keys).toHaveLength(1)
    const [key] = keys
    expect(key).toMatchObject({
      kid: 'k1',
      alg: 'HS256',
      schemes: ['sluice-jwt'],
      notBefore: 5,
      retireAt: 9,
    })
    expect(key?.secret?.symmetricKeySize).toBe(32)
    expect([key?.privateKey, key?.publicKey, key?.publicJwk]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(key?.file).toBe(folder.path('keys/a.json'))
  })

  it.each(['RS256', 'PS512', 'ES256', 'ES384', 'ES512'] as const)(
    'with an %s key gives both halves',
    (alg) => {
      const jwk = newKey(jwt(alg))
      const [key] = loadKeys(configFolder({ 'keys/a.json': JSON.stringify(jwk) }).path('keys')).keys
      expect([key?.privateKey?.type, key?.publicKey?.type, key?.secret]).toEqual([
        'private',
        'public',
        undefined,
      ])
      expect(key?.publicJwk).toMatchObject({ kid: jwk.kid, alg, use: 'sig' })
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'schemes']) {
        expect(key?.publicJwk).not.toHaveProperty(member)
      }
    },
  )

  it('with a public half alone verifies and does not sign', () => {
    const { kty, crv, x, y, kid, alg, schemes } = newKey(jwt('ES256')) as Record<string, unknown>
    const folder = configFolder({
      'keys/a.json': JSON.stringify({ kty, crv, x, y, kid, alg, schemes }),
    })
    const [key] = loadKeys(folder.path('keys')).keys
    expect(key?.publicKey?.type).toBe('public')
    expect(key?.privateKey).toBeUndefined()
  })

  it('may be a JWK Set', () => {
    expect(problems({ keys: [OCT, { ...OCT, kid: 'k2', alg: 'HS999' }] })).toEqual([
      expect.stringMatching(/^a\.json:1:\d+: keys\[1\]\.alg: expected one of HS256, /),
    ])
  })

  it('is passed over if it holds no keys', () => {
    const folder = configFolder({
      'keys/clients.json': '[]',
      'keys/README.md': 'x',
      'keys/tokens.json': '[]',
    })
    const { keys, problems: found } = loadKeys(folder.path('keys'), folder.path('keys/tokens.json'))
    expect([...keys, ...found]).toEqual([])
  })

  it('that cannot be read is a problem', () => {
    const folder = configFolder({ 'keys/a.json/inner': '' })
    expect(loadKeys(folder.path('keys')).problems).toMatchObject([
      { source: folder.path('keys/a.json'), path: '(file)', message: 'cannot be read: EISDIR' },
    ])
  })

  it('in a directory that does not exist yet is no problem', () => {
    expect(loadKeys('/nowhere/keys')).toEqual({ keys: [], problems: [], warnings: [] })
  })

  it('that others may read is a warning', () => {
    const folder = configFolder()
    folder.write('keys/a.json', JSON.stringify(OCT), 0o644)
    const { keys, problems: found, warnings } = loadKeys(folder.path('keys'))
    expect([keys.length, found.length]).toEqual([1, 0])
    expect(warnings.map((warning) => warning.message)).toEqual([
      'other users may read or change it (mode 644); use 600',
    ])
  })

  it('shares no kid with another', () => {
    const folder = configFolder({
      'keys/a.json': JSON.stringify(OCT),
      'keys/b.json': JSON.stringify(OCT, null, 1),
    })
    expect(loadKeys(folder.path('keys')).problems).toMatchObject([
      {
        source: folder.path('keys/b.json'),
        line: 3,
        column: 9,
        path: 'kid',
        message: 'the kid k1 is used in a.json as well',
      },
    ])
  })

  it.each([
    ['kid', { ...OCT, kid: undefined }, 'a.json:1:1: kid: is required'],
    ['alg', { ...OCT, alg: undefined }, 'a.json:1:1: alg: is required'],
    ['schemes', { ...OCT, schemes: undefined }, 'a.json:1:1: schemes: is required'],
  ])('needs %s', (_name, jwk, expected) => {
    expect(problems(jwk)).toEqual([expected])
  })

  it.each<[string, object, string | RegExp]>([
    ['no scheme', { ...OCT, schemes: [] }, 'schemes: names no scheme'],
    [
      'an unknown scheme',
      { ...OCT, schemes: ['sluice-jtw'] },
      /^schemes\[0\]: expected one of sluice-hmac, sluice-jwt, .*sluice-tag \(did you mean sluice-jwt\?\)$/,
    ],
    [
      'a scheme twice',
      { ...OCT, schemes: ['sluice-jwt', 'sluice-jwt'] },
      'schemes[1]: names sluice-jwt twice (kid k1)',
    ],
    ['a kid with a space', { ...OCT, kid: 'a b' }, 'kid: a kid has 1 to 128'],
    ['another use', { ...OCT, use: 'wrap' }, 'use: expected one of sig, enc'],
    [
      'alg of another kty',
      { ...OCT, alg: 'RS256' },
      'alg: RS256 needs a key of kty RSA, this one is oct (kid k1)',
    ],
    ['an unknown kty', { ...OCT, kty: 'AES' }, 'kty: expected one of oct, RSA, EC, OKP'],
    [
      'a short secret',
      { ...OCT, k: Buffer.alloc(31).toString('base64url') },
      'k: a secret needs at least 32 bytes, this one has 31 (kid k1)',
    ],
    ['a secret in base64', { ...OCT, k: `${SECRET}=` }, 'k: is not strict base64url (kid k1)'],
    ['no secret', { ...OCT, k: undefined }, 'k: is not strict base64url (kid k1)'],
    [
      'sluice-hmac with HS512',
      { ...OCT, alg: 'HS512', schemes: ['sluice-hmac'] },
      'schemes[0]: sluice-hmac needs a key with alg HS256 (kid k1)',
    ],
    ['a time that is no integer', { ...OCT, notBefore: 1.5 }, 'notBefore: '],
    [
      'a retirement before its start',
      { ...OCT, notBefore: 9, retireAt: 9 },
      'retireAt: retires before it may be used (kid k1)',
    ],
  ])('with %s is refused', (_name, jwk, expected) => {
    expect(problems(jwk).map((problem) => problem.replace(/^\S+ /, ''))).toEqual([
      typeof expected === 'string'
        ? expect.stringContaining(expected)
        : expect.stringMatching(expected),
    ])
  })

  it('of a foreign format has a secret as short as its vendor made it, but never an empty one', () => {
    expect(secretProblem('cloudflare-stream', 1)).toBeUndefined()
    expect(secretProblem('cloudflare-stream', 0)).toContain('a secret needs at least 1 bytes')
    expect(secretProblem('sluice-jwt', 31)).toContain('a secret needs at least 32 bytes')
  })

  it('may decrypt (use: enc), and belong to one issuer', () => {
    const folder = configFolder({
      'keys/a.json': JSON.stringify({ ...OCT, use: 'enc', issuer: 'https://i.example' }),
    })
    expect(loadKeys(folder.path('keys')).keys).toMatchObject([
      { use: 'enc', issuer: 'https://i.example' },
    ])
  })

  it.each(['vendor@2026', 'a+b', 'APP~1', '_'])('may have the kid %s', (kid) => {
    expect(problems({ ...OCT, kid })).toEqual([])
  })

  it('with Ed25519 for sluice-jwt is refused by kid', () => {
    const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
    expect(problems({ ...jwk, kid: 'ed', alg: 'EdDSA', schemes: ['sluice-jwt'] })).toEqual([
      expect.stringContaining('schemes[0]: the library of sluice-jwt cannot use Ed25519 (kid ed)'),
    ])
  })

  it.each<[string, () => object, string]>([
    [
      'a weak RSA key',
      () => ({ ...rsa(1024), alg: 'RS256' }),
      'n: an RSA key needs at least 2048 bits, this one has 1024 (kid k)',
    ],
    [
      'RSA for sluice-hmac',
      () => ({ ...rsa(2048), alg: 'RS256', schemes: ['sluice-hmac'] }),
      'schemes[0]: sluice-hmac needs a key with alg HS256 (kid k)',
    ],
    [
      'another algorithm for cloudflare-stream',
      () => ({ ...rsa(2048), alg: 'PS256', schemes: ['cloudflare-stream'] }),
      'schemes[0]: cloudflare-stream needs a key with alg RS256 (kid k)',
    ],
    [
      'another curve',
      () => ({ ...ec('P-384'), alg: 'ES256' }),
      'crv: ES256 needs the curve P-256 (kid k)',
    ],
    [
      'broken members',
      () => ({ ...ec('P-256'), x: 'AAAA', alg: 'ES256' }),
      '(file): its members do not make a key of kty EC (kid k)',
    ],
    ['halves of two keys', () => ({ ...ec('P-256'), d: ec('P-256').d, alg: 'ES256' }), 'kid k)'],
  ])('with %s is refused', (_name, make, expected) => {
    const jwk = make()
    const printed = problems({ kid: 'k', schemes: ['sluice-jwt'], ...jwk })
    expect(printed).toEqual([expect.stringContaining(expected)])
    const members = Object.values(jwk).filter(
      (value) => typeof value === 'string' && value.length > 20,
    )
    expect(members.filter((member) => printed[0]?.includes(String(member)))).toEqual([])
  })

  it('that is no JSON is refused where it stops being JSON, and is not quoted', () => {
    expect(problems(`{ "k": "${SECRET}",\n  oops }`)).toEqual(['a.json:2:3: (file): is not JSON'])
    expect(problems(`{ "k": "${SECRET}"`)).toEqual([
      expect.stringMatching(/^a\.json:1:\d+: \(file\): is not JSON$/),
    ])
    expect(problems('')).toEqual(['a.json:1:1: (file): is not JSON'])
    expect(problems('{ "kid": "a",\n "kid": "b" }')).toEqual(['a.json:2:2: kid: duplicate key'])
  })
})

function loadTokens(data: unknown): ReturnType<typeof loadAdminTokens> {
  return loadAdminTokens(
    configFolder({ 'keys/admin-tokens.json': JSON.stringify(data) }).path('keys/admin-tokens.json'),
  )
}

function tokenProblems(data: unknown): string[] {
  return loadTokens(data).problems.map((problem) => `${problem.path}: ${problem.message}`)
}

describe('admin-tokens.json', () => {
  const HEX = randomBytes(32).toString('hex').toUpperCase()
  it('gives ids, hashes in lower case and scopes', () => {
    const { tokens, problems: found } = loadTokens([
      { id: 'ops', sha256: HEX, scopes: ['links', '*'] },
    ])
    expect(found).toEqual([])
    expect(tokens).toEqual([{ id: 'ops', sha256: HEX.toLowerCase(), scopes: ['links', '*'] }])
  })

  it('refuses unknown scopes, keys and repeated ids', () => {
    expect(tokenProblems([{ id: 'ops', sha256: HEX, scopes: ['link'], admin: true }])).toEqual([
      '[0].scopes[0]: expected one of links, revoke, read, assets, keys, lists, * (did you mean links?)',
      '[0].admin: unknown key',
    ])
    const ops = { id: 'ops', sha256: HEX, scopes: ['*'] }
    expect(tokenProblems([ops, ops])).toEqual(['[1].id: the id ops is used twice'])
    expect(tokenProblems({})).toEqual(['(file): expected array, received object'])
  })

  it('that is not there holds no token', () => {
    expect(loadAdminTokens('/nowhere/admin-tokens.json')).toEqual({
      tokens: [],
      problems: [],
      warnings: [],
    })
  })
})
