import { createSecretKey, hash } from 'node:crypto'
import { CompactEncrypt } from 'jose'
import { describe, expect, it } from 'vitest'
import type { Constraints } from '../../../../src/link/constraints.ts'
import type { Grant } from '../../../../src/link/grant.ts'
import { type Key, KeyRing } from '../../../../src/link/key-ring.ts'
import type { CdniUriSigningOptions } from '../../../../src/link/schemes/cdni-claims.ts'
import { CdniUriSigning } from '../../../../src/link/schemes/cdni-uri-signing.ts'
import { readJws, signJws } from '../../../../src/link/schemes/jws.ts'
import { LinkVerifier } from '../../../../src/link/verify-link.ts'
import { decide } from '../../../../src/policy/decide.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import {
  contextOf,
  type ContextParts,
  historyOf,
  NOW,
  pairKey,
  policyOf,
  secretKey,
  SITE,
} from '../../../support/request-parts.ts'

const SCHEMES = { schemes: new Set(['cdni-uri-signing']) }
const SECRET = secretKey('hs', 1, SCHEMES)
const EC = { ...pairKey('ec', 'es', 'ES256'), ...SCHEMES }

function gcmKey(kid: string, fill: number, bytes: 16 | 32 = 16): Key {
  const secret = createSecretKey(Buffer.alloc(bytes, fill))
  const alg = bytes === 16 ? 'A128GCM' : 'A256GCM'
  return { ...SECRET, kid, alg, use: 'enc', verifyKey: secret, signKey: secret }
}

const ENC = gcmKey('enc', 7)

function make(options: Partial<CdniUriSigningOptions> = {}): CdniUriSigning {
  return new CdniUriSigning({
    package: 'URISigningPackage',
    requireIssuer: false,
    oneTime: false,
    ...options,
  })
}

const scheme = make()

linkFormatContract('cdni-uri-signing', () => ({ scheme, keys: [SECRET, EC] }))

linkFormatContract('cdni-uri-signing with ids that are used once', () => ({
  scheme: make({ oneTime: true, audience: 'dCDN', requireIssuer: true }),
  keys: [{ ...SECRET, issuer: 'uCDN' }],
  narrow: ({ multi_use: _multiUse, ...rest }: Constraints) => rest,
}))

const OPEN = 'regex:https://cdn\\.example/files/.*'

function tokenOf(claims: object = {}, key: Key = SECRET): string {
  return signJws({ exp: NOW + 3600, cdniuc: OPEN, ...claims }, key, key.signKey!)
}

interface Asked extends ContextParts {
  readonly url?: (token: string) => string
  readonly options?: Partial<CdniUriSigningOptions>
  readonly keys?: readonly Key[]
}

function verify(token: string, { options, keys = [SECRET], ...asked }: Asked = {}) {
  const { url = (text: string) => `/files/a.ts?URISigningPackage=${text}`, ...parts } = asked
  const tested = make(options)
  const context = contextOf(url(token), { ...parts, scheme: tested })
  return { context, verified: new LinkVerifier([tested], new KeyRing(keys)).verify(context) }
}

function ask(token: string, asked?: Asked): string {
  const { context, verified } = verify(token, asked)
  if (verified.outcome === 'absent') return 'absent'
  if (verified.outcome === 'refused') return verified.refusal.reason
  const policy = policyOf({ leeway: { notBeforeSeconds: 0 } })
  return decide(verified.grant, context, policy, historyOf()).refusal?.reason ?? 'permit'
}

function grantOf(token: string, asked?: Asked): Grant {
  const { verified } = verify(token, asked)
  if (verified.outcome !== 'granted') throw new Error(JSON.stringify(verified))
  return verified.grant
}

describe('where a token stands', () => {
  const uri = 'https://cdn.example/files/a.ts'
  const exact = tokenOf({ cdniuc: `hash:sha-256;${hash('sha256', uri, 'base64url')}` })
  const withQuery = tokenOf({
    cdniuc: `hash:sha-256;${hash('sha256', `${uri}?b=2&a=1`, 'base64url')}`,
  })
  const withParameter = tokenOf({ cdniuc: 'regex:https://cdn\\.example/files/a\\.ts;x=1' })

  it.each<[string, string, (token: string) => string]>([
    ['the query', exact, (t) => `/files/a.ts?URISigningPackage=${t}`],
    ['the middle of a query', withQuery, (t) => `/files/a.ts?b=2&URISigningPackage=${t}&a=1`],
    ['the end of a query', withQuery, (t) => `/files/a.ts?b=2&a=1&URISigningPackage=${t}`],
    ['the first segment', exact, (t) => `/URISigningPackage=${t}/files/a.ts`],
    ['a later segment', exact, (t) => `/files/URISigningPackage=${t}/a.ts`],
    ['the last segment', exact, (t) => `/files/a.ts/URISigningPackage=${t}`],
    ['a path-style parameter', exact, (t) => `/files/a.ts;URISigningPackage=${t}`],
    ['one of a folder', exact, (t) => `/files;URISigningPackage=${t}/a.ts`],
    ['one that stands alone', exact, (t) => `/;URISigningPackage=${t}/files/a.ts`],
    ['one of several', withParameter, (t) => `/files/a.ts;URISigningPackage=${t};x=1`],
  ])('%s', (_where, token, url) => {
    expect(ask(token, { url })).toBe('permit')
  })

  it('a cookie', () => {
    const headers = { cookie: `a=1; URISigningPackage=${exact}` }
    expect(ask('', { url: () => '/files/a.ts', headers })).toBe('permit')
  })

  it.each<[string, (token: string) => string, Record<string, string>]>([
    ['two parameters', (t) => `/files/a.ts?URISigningPackage=${t}&URISigningPackage=${t}`, {}],
    ['two segments', (t) => `/URISigningPackage=${t}/files/a.ts;URISigningPackage=${t}`, {}],
    [
      'a parameter and a segment',
      (t) => `/URISigningPackage=${t}/files/a.ts?URISigningPackage=${t}`,
      {},
    ],
    [
      'a parameter and a cookie',
      (t) => `/files/a.ts?URISigningPackage=${t}`,
      { cookie: 'URISigningPackage=x' },
    ],
    ['two cookies', () => '/files/a.ts', { cookie: 'URISigningPackage=x; URISigningPackage=y' }],
  ])('%s are refused', (_where, url, headers) => {
    expect(ask(exact, { url, headers })).toBe('link_ambiguous')
  })

  it.each([
    '/files/a.ts?xURISigningPackage=x',
    '/files/xURISigningPackage=x',
    '/files/a?urisigningpackage=x',
  ])('%s carries none', (url) => {
    expect(ask('', { url: () => url })).toBe('absent')
  })

  it('has the name of the route', () => {
    const options = { package: 'tok' }
    expect(ask(exact, { options, url: (t) => `/files/a.ts?tok=${t}` })).toBe('permit')
    expect(ask(exact, { options })).toBe('absent')
  })

  it('an empty token, one that is cut and one that is too long are malformed', () => {
    expect(ask('')).toBe('link_malformed')
    expect(ask(exact.slice(0, -1))).toMatch(/link_malformed|link_signature_wrong/)
    expect(ask(`${exact.split('.').slice(0, 2).join('.')}.`)).toBe('link_signature_wrong')
    expect(ask('a'.repeat(8193))).toBe('link_malformed')
    const headers = { cookie: `URISigningPackage=${'a'.repeat(4097)}` }
    expect(ask('', { url: () => '/files/a.ts', headers })).toBe('link_malformed')
  })
})

describe('which URIs', () => {
  it.each<[string, unknown, string, string]>([
    ['an expression for all of it', OPEN, '/files/a.ts', 'permit'],
    [
      'an expression for its begin',
      'regex:https://cdn\\.example/files/',
      '/files/a.ts',
      'link_resource_mismatch',
    ],
    ['an expression for its end', 'regex:.*a\\.ts', '/files/a.ts', 'permit'],
    ['a digit too many', 'regex:.*/[0-9]{3}', '/files/1234', 'link_resource_mismatch'],
    [
      'http in place of https',
      'regex:http://cdn\\.example/files/.*',
      '/files/a.ts',
      'link_resource_mismatch',
    ],
    ['normal octets', 'regex:.*/~a', '/files/%7Ea', 'permit'],
    ['octets in upper case', 'regex:.*/%C3%BC', '/files/%c3%bc', 'permit'],
    ['no cdniuc', undefined, '/files/a.ts', 'link_malformed'],
    ['a number', 1, '/files/a.ts', 'link_malformed'],
    ['an unknown container', 'glob:*', '/files/a.ts', 'link_malformed'],
    ['an unknown hash', 'hash:sha-512;AAAA', '/files/a.ts', 'link_malformed'],
    ['a hash that is cut', 'hash:sha-256;AAAA', '/files/a.ts', 'link_malformed'],
    ['a hash in hex', `hash:sha-256;${'a'.repeat(64)}`, '/files/a.ts', 'link_malformed'],
    ['an expression that is none', 'regex:(', '/files/a.ts', 'link_malformed'],
    ['an expression of Perl', 'regex:.*\\d', '/files/1', 'link_malformed'],
    [
      'an expression of more than 1 KiB',
      `regex:${'a'.repeat(1025)}`,
      '/files/a.ts',
      'link_malformed',
    ],
  ])('%s', (_what, cdniuc, path, outcome) => {
    expect(ask(tokenOf({ cdniuc }), { url: (t) => `${path}?URISigningPackage=${t}` })).toBe(outcome)
  })

  it('an addition to the query is an addition to the URI', () => {
    const token = tokenOf({ cdniuc: 'regex:https://cdn\\.example/files/a\\.ts' })
    expect(ask(token, { url: (t) => `/files/a.ts?URISigningPackage=${t}` })).toBe('permit')
    expect(ask(token, { url: (t) => `/files/a.ts?URISigningPackage=${t}&x=1` })).toBe(
      'link_resource_mismatch',
    )
  })

  it.each(['/files/a%2fb', '/files/a%5Cb', '/files/a\\b', '/files/%00'])(
    'none that servers read differently: %s',
    (rawPath) => {
      const { context } = verify(tokenOf())
      const { resource } = grantOf(tokenOf())
      const hostile = { ...context, target: { rawPath, rawQuery: undefined } }
      expect(resource.kind === 'pattern' && resource.covers(hostile)).toBe(false)
    },
  )
})

describe('claims', () => {
  it.each<[string, object, Partial<CdniUriSigningOptions>, string]>([
    ['no exp', { exp: undefined }, {}, 'link_malformed'],
    ['exp as text', { exp: String(NOW + 60) }, {}, 'link_malformed'],
    ['exp in milliseconds', { exp: (NOW + 60) * 1000 }, {}, 'link_malformed'],
    ['the second of exp', { exp: NOW }, {}, 'link_expired'],
    ['the last second', { exp: NOW + 1 }, {}, 'permit'],
    ['before nbf', { nbf: NOW + 1 }, {}, 'link_not_yet_valid'],
    ['the second of nbf', { nbf: NOW }, {}, 'permit'],
    ['nbf as text', { nbf: '1' }, {}, 'link_malformed'],
    ['jti as a number', { jti: 1 }, {}, 'link_malformed'],
    ['our audience', { aud: 'me' }, { audience: 'me' }, 'permit'],
    ['our audience among others', { aud: ['x', 'me'] }, { audience: 'me' }, 'permit'],
    ['another audience', { aud: 'you' }, { audience: 'me' }, 'link_audience_mismatch'],
    ['an audience where the route has none', { aud: 'you' }, {}, 'link_audience_mismatch'],
    ['no issuer', {}, { requireIssuer: true }, 'link_issuer_mismatch'],
    ['an issuer', { iss: 'x' }, { requireIssuer: true }, 'permit'],
    ['an issuer as a list', { iss: ['x'] }, { requireIssuer: true }, 'link_issuer_mismatch'],
    ['version 1', { cdniv: 1 }, {}, 'permit'],
    ['version 2', { cdniv: 2 }, {}, 'link_malformed'],
    ['version 1 as text', { cdniv: '1' }, {}, 'link_malformed'],
    ['claims that must be known', { cdnicrit: 'exp,cdniuc' }, {}, 'permit'],
    ['one that is not', { cdnicrit: 'exp,x', x: 1 }, {}, 'link_constraint_unsupported'],
    ['one that is not there', { cdnicrit: 'jti' }, {}, 'link_constraint_unsupported'],
    ['one twice', { cdnicrit: 'exp,exp' }, {}, 'link_constraint_unsupported'],
    ['no name', { cdnicrit: '' }, {}, 'link_constraint_unsupported'],
    ['a list of names', { cdnicrit: ['exp'] }, {}, 'link_constraint_unsupported'],
    ['an unknown claim', { x: 1 }, {}, 'permit'],
    ['transport 0', { cdnistt: 0 }, {}, 'permit'],
    ['transport 2', { cdnistt: 2, cdniets: 30 }, {}, 'link_malformed'],
    ['transport as text', { cdnistt: '1', cdniets: 30 }, {}, 'link_malformed'],
    ['no lifetime for transport', { cdnistt: 1 }, {}, 'link_malformed'],
    ['a lifetime of nothing', { cdnistt: 1, cdniets: 0 }, {}, 'link_malformed'],
    ['a negative lifetime', { cdnistt: 1, cdniets: -1 }, {}, 'link_malformed'],
    ['a negative depth', { cdnistt: 1, cdniets: 30, cdnistd: -1 }, {}, 'link_malformed'],
  ])('%s', (_what, claims, options, outcome) => {
    expect(ask(tokenOf(claims), { options })).toBe(outcome)
  })

  it('the issuer of the key binds', () => {
    const keys = [{ ...SECRET, issuer: 'uCDN' }]
    expect(ask(tokenOf({ iss: 'uCDN' }), { keys })).toBe('permit')
    expect(ask(tokenOf({ iss: 'other' }), { keys })).toBe('link_issuer_mismatch')
    expect(ask(tokenOf(), { keys })).toBe('permit')
  })

  it('a jti is used once where the route says so', () => {
    const token = tokenOf({ jti: 'n1' })
    expect(grantOf(token).constraints).toEqual({ jti: 'n1' })
    expect(grantOf(token, { options: { oneTime: true } }).constraints).toEqual({
      jti: 'n1',
      multi_use: false,
    })
  })
})

describe('which key', () => {
  const withHeader = (header: object, key: Key = SECRET): string => {
    const [, payload] = tokenOf({}, key).split('.')
    const head = Buffer.from(JSON.stringify(header)).toString('base64url')
    return `${head}.${payload}.AAAA`
  }

  it.each<[string, object]>([
    ['alg none', { alg: 'none' }],
    ['alg none with a kid', { alg: 'none', kid: 'hs' }],
    ['a kid that is not known', { alg: 'HS256', kid: 'x' }],
    ['a key of another algorithm', { alg: 'HS256', kid: 'es' }],
    ['a key that decrypts', { alg: 'A128GCM', kid: 'enc' }],
  ])('%s is unknown', (_what, header) => {
    expect(ask(withHeader(header), { keys: [SECRET, EC, ENC] })).toBe('link_key_unknown')
  })

  it.each(['crit', 'jwk', 'jku', 'x5u'])('%s in the header is malformed', (name) => {
    expect(ask(withHeader({ alg: 'HS256', kid: 'hs', [name]: ['x'] }))).toBe('link_malformed')
  })

  it('a secret that decrypts never verifies', () => {
    const keys = [{ ...SECRET, use: 'enc' }]
    expect(ask(tokenOf(), { keys })).toBe('link_key_unknown')
  })
})

async function encrypt(text: string, header: object = {}, key: Key = ENC): Promise<string> {
  const enc = key.alg
  return new CompactEncrypt(Buffer.from(text))
    .setProtectedHeader({ alg: 'dir', enc, kid: key.kid, ...header })
    .encrypt(key.verifyKey)
}

describe('encrypted claims', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1', 'permit'],
    ['192.0.2.0/24', '192.0.2.9', 'permit'],
    ['192.0.2.0/24', '192.0.3.9', 'address_not_allowed'],
    ['192.0.2.0/24', undefined, 'address_not_allowed'],
    ['[2001:db8::1/32]', '2001:db8::9', 'permit'],
    ['[2001:db8::]/32', '2001:db8::9', 'permit'],
    ['[2001:db8::1]', '2001:db8::1', 'permit'],
    ['2001:db8::1', '2001:db8::1', 'permit'],
    ['[2001:db8::1]', '192.0.2.1', 'address_not_allowed'],
    ['[192.0.2.1', '192.0.2.1', 'link_malformed'],
    ['example.org', '192.0.2.1', 'link_malformed'],
    ['', '192.0.2.1', 'link_malformed'],
  ])('cdniip %s, asked from %s: %s', async (text, client, outcome) => {
    const token = tokenOf({ cdniip: await encrypt(text) })
    expect(ask(token, { client, keys: [SECRET, ENC] })).toBe(outcome)
  })

  it('a key that says dir opens what its length fits', async () => {
    const keys = [SECRET, { ...ENC, alg: 'dir' }]
    const token = tokenOf({ cdniip: await encrypt('192.0.2.1') })
    expect(ask(token, { client: '192.0.2.1', keys })).toBe('permit')
    expect(ask(token, { client: '192.0.2.2', keys })).toBe('address_not_allowed')
  })

  it('cdniip with A256GCM, or without a kid', async () => {
    const long = gcmKey('long', 8, 32)
    const keys = [SECRET, gcmKey('other', 9), ENC, long]
    const client = '192.0.2.1'
    for (const [header, key] of [
      [{}, long],
      [{ kid: undefined }, ENC],
    ] as const) {
      const token = tokenOf({ cdniip: await encrypt(client, header, key) })
      expect(ask(token, { client, keys })).toBe('permit')
    }
  })

  it.each<[string, (jwe: string) => unknown, readonly Key[]]>([
    ['no key', (jwe) => jwe, [SECRET]],
    ['another key', (jwe) => jwe, [SECRET, gcmKey('enc', 9)]],
    ['a key of another length', (jwe) => jwe, [SECRET, gcmKey('enc', 7, 32)]],
    ['a key of another scheme', (jwe) => jwe, [SECRET, { ...ENC, schemes: new Set(['cat']) }]],
    ['a key that signs', (jwe) => jwe, [SECRET, { ...ENC, use: 'sig', alg: 'HS256' }]],
    [
      'a changed header',
      (jwe) =>
        jwe.replace(/^[^.]+/, (head) =>
          Buffer.from(
            JSON.stringify({ ...JSON.parse(Buffer.from(head, 'base64url').toString()), x: 1 }),
          ).toString('base64url'),
        ),
      [SECRET, ENC],
    ],
    ['a tag that is cut', (jwe) => jwe.slice(0, -6), [SECRET, ENC]],
    ['a wrapped key', (jwe) => jwe.replace('..', '.AAAA.'), [SECRET, ENC]],
    ['four parts', (jwe) => jwe.split('.').slice(0, 4).join('.'), [SECRET, ENC]],
    ['plain text', () => '192.0.2.1', [SECRET, ENC]],
    ['a number', () => 1, [SECRET, ENC]],
  ])('cdniip with %s is refused', async (_what, change, keys) => {
    const cdniip = change(await encrypt('192.0.2.1'))
    expect(ask(tokenOf({ cdniip }), { client: '192.0.2.1', keys })).toBe('link_malformed')
  })

  it('sub names the subject where it can be read, and restricts nothing', async () => {
    const token = tokenOf({ sub: await encrypt('joe') })
    expect(grantOf(token, { keys: [SECRET, ENC] }).constraints).toEqual({ subject: 'joe' })
    expect(grantOf(token).constraints).toEqual({})
  })
})

describe('renewal', () => {
  const claims = { cdnistt: 1, cdniets: 30, cdnistd: 1 }

  function renewed(token: string, asked: Asked = {}): readonly string[] {
    const { context, verified } = verify(token, asked)
    if (verified.outcome !== 'granted') throw new Error(JSON.stringify(verified))
    return verified.grant.renew?.(context) ?? []
  }

  const tokenIn = (line = ''): string => /=([^;]*)/.exec(line)?.[1] ?? ''
  const payloadOf = (token: string): unknown => {
    const jws = readJws(token)
    return 'reason' in jws ? undefined : jws.payload()
  }

  it('sets a cookie with the same claims and a later end, which opens what the token did', () => {
    const [name, line] = renewed(tokenOf({ ...claims, iat: NOW - 60, jti: 'n1', iss: 'me' }))
    expect(name).toBe('Set-Cookie')
    expect(line).toMatch(
      /^URISigningPackage=[\w.-]+; Path=\/files; Max-Age=30; HttpOnly; Secure; SameSite=None$/,
    )
    expect(payloadOf(tokenIn(line))).toEqual({
      ...claims,
      ...{ exp: NOW + 30, cdniuc: OPEN, iat: NOW, jti: 'n1', iss: 'me' },
    })
    expect(ask(tokenIn(line), { now: NOW + 29 })).toBe('permit')
    expect(ask(tokenIn(line), { now: NOW + 30 })).toBe('link_expired')
  })

  it.each<[number | undefined, string, string]>([
    [undefined, '/files/a/b.ts', '/'],
    [0, '/files/a/b.ts', '/'],
    [2, '/files/a/b.ts', '/files/a'],
    [9, '/files/a/b.ts', '/files/a/b.ts'],
    [2, '/files/a;Domain=x/b.ts', '/files'],
  ])('a depth of %s on %s gives the path %s', (cdnistd, path, cookiePath) => {
    const token = tokenOf({ ...claims, cdnistd })
    for (const url of [
      (t: string) => `${path}?URISigningPackage=${t}`,
      (t: string) => `/URISigningPackage=${t}${path}`,
    ]) {
      expect(renewed(token, { url })[1]).toContain(`; Path=${cookiePath}; `)
    }
  })

  it('is only for tokens that ask for it, and not after their end', () => {
    expect(renewed(tokenOf())).toEqual([])
    expect(renewed(tokenOf({ cdniets: 30 }))).toEqual([])
    expect(renewed(tokenOf({ ...claims, cdnistt: 0 }))).toEqual([])
    expect(renewed(tokenOf({ ...claims, exp: NOW }))).toEqual([])
  })

  it('gives another id to a token that is used once', () => {
    const [, line] = renewed(tokenOf({ ...claims, jti: 'n1' }), { options: { oneTime: true } })
    expect(payloadOf(tokenIn(line))).toMatchObject({ jti: expect.not.stringMatching(/^n1$/) })
  })

  it('needs a key that signs for the same issuer', () => {
    const verifier = { ...SECRET, signKey: undefined }
    const token = tokenOf({ ...claims, iss: 'me' })
    expect(renewed(token, { keys: [verifier] })).toEqual([])
    expect(renewed(token, { keys: [verifier, { ...EC, issuer: 'you' }] })).toEqual([])
    const [, line] = renewed(token, { keys: [verifier, { ...EC, issuer: 'me' }] })
    expect(ask(tokenIn(line), { keys: [EC] })).toBe('permit')
  })
})

describe('new links', () => {
  const sign = (path: string, constraints: Constraints = {}, key: Key = SECRET) =>
    make({ oneTime: true }).sign({ path, expiresAt: NOW + 60, constraints, site: SITE }, key)

  it('a prefix has its token in front, so that relative URLs work', () => {
    expect(sign('/files/a/*')).toMatchObject({
      target: expect.stringMatching(/^\/URISigningPackage=[\w.-]+\/files\/a\/$/),
    })
  })

  it('that are used once carry an id', () => {
    const link = sign('/files/a', { multi_use: false })
    const token = 'target' in link ? link.target.replace(/^.*=/, '') : ''
    const { constraints } = grantOf(token, { options: { oneTime: true } })
    expect(constraints).toMatchObject({ multi_use: false, jti: expect.any(String) })
    expect(sign('/files/a', { multi_use: true })).toHaveProperty('target')
    expect(sign('/files/a', { multi_use: true, jti: 'x' })).toMatchObject({
      reason: 'link_constraint_unsupported',
      detail: expect.stringMatching(/^multi_use: /),
    })
  })

  it('are refused where no expression holds the path, or no key signs', () => {
    expect(sign(`/files/${'a'.repeat(1100)}`)).toMatchObject({
      reason: 'link_constraint_unsupported',
    })
    expect(sign('/files/a', {}, { ...EC, signKey: undefined })).toMatchObject({
      reason: 'link_key_unknown',
    })
    expect(sign('/files/a', {}, ENC)).toMatchObject({ reason: 'link_key_unknown' })
  })
})
