import { hash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Grant } from '../../../../src/link/grant.ts'
import { type Key, KeyRing } from '../../../../src/link/key-ring.ts'
import { Cat, cat, type CatOptions } from '../../../../src/link/schemes/cat.ts'
import {
  type CborMap,
  type CborValue,
  decodeCbor,
  encodeCbor,
  isMap,
} from '../../../../src/link/schemes/cbor.ts'
import { decodeToken, isCoseSignedBy, readCose } from '../../../../src/link/schemes/cose.ts'
import { LinkVerifier } from '../../../../src/link/verify-link.ts'
import { decide } from '../../../../src/policy/decide.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { type CwtParts, macedCwt } from '../../../support/cose-tokens.ts'
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

const SCHEMES = { schemes: new Set(['cat']) }
const SECRET = secretKey('k1', 1, SCHEMES)
const EC = { ...pairKey('ec', 'ec', 'ES256'), ...SCHEMES }
const PSS = { ...pairKey('rsa', 'pss', 'PS256'), ...SCHEMES }
const HEADER = 'CTA-Common-Access-Token'

function make(options: Partial<CatOptions> = {}): Cat {
  return new Cat({ ...(cat.options.parse({}) as unknown as CatOptions), ...options })
}

const scheme = make()

linkFormatContract('cat', () => ({ scheme, keys: [SECRET, EC, PSS] }))

type Claims = readonly (readonly [number, CborValue])[]

const EXP = [4, NOW + 3600] as const

function tokenOf(claims: Claims, parts?: CwtParts): string {
  return macedCwt(new Map<number, CborValue>([EXP, ...claims]), parts).toString('base64url')
}

interface Asked extends ContextParts {
  readonly url?: string
  readonly options?: Partial<CatOptions>
  readonly keys?: readonly Key[]
}

function verify(token: string, { url = '/files/a/film.m3u8', ...asked }: Asked = {}) {
  const { options, keys = [SECRET], headers, ...parts } = asked
  const tested = make(options)
  const context = contextOf(url, {
    ...parts,
    headers: { ...headers, [HEADER]: token },
    scheme: tested,
  })
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

const map = (...pairs: readonly (readonly [number | string, CborValue])[]): CborMap =>
  new Map(pairs)

describe('who a token is from and for', () => {
  it.each<[string, Claims, Partial<CatOptions>, string]>([
    ['no issuer where none is asked for', [], {}, 'permit'],
    ['any issuer where none is asked for', [[1, 'x']], {}, 'permit'],
    ['the issuer of the route', [[1, 'me']], { issuer: 'me' }, 'permit'],
    ['another issuer', [[1, 'you']], { issuer: 'me' }, 'link_issuer_mismatch'],
    ['no issuer where one is asked for', [], { issuer: 'me' }, 'link_issuer_mismatch'],
    ['an issuer as bytes', [[1, Buffer.from('me')]], { issuer: 'me' }, 'link_issuer_mismatch'],
    ['our audience', [[3, 'a']], { audience: ['a', 'b'] }, 'permit'],
    ['our audience among others', [[3, ['x', 'b']]], { audience: ['a', 'b'] }, 'permit'],
    ['another audience', [[3, 'x']], { audience: ['a'] }, 'link_audience_mismatch'],
    ['an audience where the route has none', [[3, 'x']], {}, 'link_audience_mismatch'],
    ['an audience of nobody', [[3, []]], { audience: ['a'] }, 'link_audience_mismatch'],
    ['an audience with a number', [[3, ['a', 1]]], { audience: ['a'] }, 'link_audience_mismatch'],
  ])('%s', (_what, claims, options, outcome) => {
    expect(ask(tokenOf(claims), { options })).toBe(outcome)
  })

  it('the issuer of a key binds besides that of the route', () => {
    const keys = [{ ...SECRET, issuer: 'me' }]
    expect(ask(tokenOf([[1, 'me']]), { keys })).toBe('permit')
    expect(ask(tokenOf([[1, 'you']]), { keys, options: { issuer: 'you' } })).toBe(
      'link_issuer_mismatch',
    )
  })
})

describe('which key', () => {
  it.each<[string, CwtParts, Asked, string]>([
    ['a kid that is not known', { free: map([4, Buffer.from('k2')]) }, {}, 'link_key_unknown'],
    ['no kid', { free: map() }, {}, 'permit'],
    ['a MAC of 8 bytes', { headers: map([1, 4]), bytes: 8 }, {}, 'link_key_unknown'],
    ['no tag of a CWT', { isCwt: false }, {}, 'permit'],
    [
      'no tag of a CWT where one is asked for',
      { isCwt: false },
      { options: { requireCwtTag: true } },
      'link_malformed',
    ],
    ['another secret', { secret: Buffer.alloc(32, 2) }, {}, 'link_signature_wrong'],
    [
      'no kid, and the second of two secrets',
      { free: map(), secret: Buffer.alloc(32, 2) },
      { keys: [SECRET, secretKey('k2', 2, SCHEMES)] },
      'permit',
    ],
    ['a payload that is no map', { payload: encodeCbor([1]) }, {}, 'link_malformed'],
    [
      'a payload with a claim twice',
      { payload: Buffer.from('a20119000a0119000a', 'hex') },
      {},
      'link_malformed',
    ],
  ])('%s', (_what, parts, asked, outcome) => {
    expect(ask(tokenOf([], parts), asked)).toBe(outcome)
  })

  it('HS256/64 counts where the route names it, with a key for it alone', () => {
    const token = tokenOf([], { headers: map([1, 4]), bytes: 8 })
    const options = { allowedAlgs: ['HS256/64'] as const }
    const short = { ...SECRET, alg: 'HS256/64' }
    expect(ask(token, { options, keys: [short] })).toBe('permit')
    expect(ask(token, { options })).toBe('link_key_unknown')
    expect(ask(token, { keys: [short] })).toBe('link_key_unknown')
    expect(ask(tokenOf([]), { options })).toBe('link_key_unknown')
  })
})

describe('times', () => {
  it.each<[string, Claims, string]>([
    ['the last second', [[4, NOW + 1]], 'permit'],
    ['the second of exp', [[4, NOW]], 'link_expired'],
    ['milliseconds', [[4, (NOW + 60) * 1000]], 'link_malformed'],
    ['a fraction', [[4, NOW + 1.5]], 'link_malformed'],
    ['text', [[4, String(NOW + 60)]], 'link_malformed'],
    ['a tag', [[4, { tag: 1, value: NOW + 60 }]], 'link_malformed'],
    ['the second of nbf', [[5, NOW]], 'permit'],
    ['before nbf', [[5, NOW + 1]], 'link_not_yet_valid'],
    ['nbf as text', [[5, '1']], 'link_malformed'],
    ['iat as text', [[6, '1']], 'link_malformed'],
  ])('%s', (_what, claims, outcome) => {
    expect(ask(tokenOf(claims))).toBe(outcome)
  })

  it('a token without exp is refused', () => {
    expect(ask(macedCwt(new Map()).toString('base64url'))).toBe('link_malformed')
  })
})

const digest = (name: string, text: string): Buffer => hash(name, text, 'buffer')

describe('catu', () => {
  it.each<[string, readonly (readonly [number, CborMap])[], string]>([
    ['nothing at all', [], 'permit'],
    ['the scheme', [[0, map([0, 'https'])]], 'permit'],
    ['another scheme', [[0, map([0, 'http'])]], 'link_resource_mismatch'],
    ['the host', [[1, map([0, 'cdn.example'])]], 'permit'],
    ['another host', [[1, map([0, 'cdn.example.org'])]], 'link_resource_mismatch'],
    ['the port of the scheme', [[2, map([0, '443'])]], 'permit'],
    ['the port left out', [[2, map([0, ''])]], 'permit'],
    ['another port', [[2, map([0, '80'])]], 'link_resource_mismatch'],
    ['the path', [[3, map([0, '/files/a/film.m3u8'])]], 'permit'],
    ['a part of the path', [[3, map([0, '/files/a/'])]], 'link_resource_mismatch'],
    ['its prefix', [[3, map([1, '/files/'])]], 'permit'],
    ['another prefix', [[3, map([1, '/other/'])]], 'link_resource_mismatch'],
    ['its suffix', [[3, map([2, '.m3u8'])]], 'permit'],
    ['another suffix', [[3, map([2, '.ts'])]], 'link_resource_mismatch'],
    ['what it contains', [[3, map([3, '/a/'])]], 'permit'],
    ['what it does not contain', [[3, map([3, '/b/'])]], 'link_resource_mismatch'],
    ['two matches that hold', [[3, map([1, '/files/'], [2, '.m3u8'])]], 'permit'],
    [
      'two, of which one does not',
      [[3, map([1, '/files/'], [2, '.ts'])]],
      'link_resource_mismatch',
    ],
    ['an expression', [[3, map([4, ['^/files/[a-z]+/[a-z]+\\.(m3u8|ts)$']])]], 'permit'],
    ['an expression and its group', [[3, map([4, ['\\.(m3u8|ts)$', 'm3u8']])]], 'permit'],
    ['a group that differs', [[3, map([4, ['\\.(m3u8|ts)$', 'ts']])]], 'link_resource_mismatch'],
    ['a group that is free', [[3, map([4, ['(a)/(film)', null, 'film']])]], 'permit'],
    ['more groups than there are', [[3, map([4, ['film', 'x']])]], 'link_resource_mismatch'],
    ['another expression', [[3, map([4, ['^/other/']])]], 'link_resource_mismatch'],
    ['a digest', [[6, map([-1, digest('sha256', 'film.m3u8')])]], 'permit'],
    ['a digest in hex', [[6, map([-1, digest('sha256', 'film.m3u8').toString('hex')])]], 'permit'],
    ['another digest', [[6, map([-1, digest('sha256', 'x')])]], 'link_resource_mismatch'],
    ['SHA-512/256', [[6, map([-2, digest('sha512-256', 'film.m3u8')])]], 'permit'],
    ['a digest that is cut', [[6, map([-1, Buffer.alloc(16)])]], 'link_malformed'],
    ['the query', [[4, map([0, ''])]], 'permit'],
    ['another query', [[4, map([0, 'a=1'])]], 'link_resource_mismatch'],
    ['the parent', [[5, map([0, '/files/a'])]], 'permit'],
    ['the file', [[6, map([0, 'film.m3u8'])]], 'permit'],
    ['the stem', [[7, map([0, 'film'])]], 'permit'],
    ['the extension', [[8, map([0, '.m3u8'])]], 'permit'],
    ['the extension without its dot', [[8, map([0, 'm3u8'])]], 'link_resource_mismatch'],
    [
      'two parts, of which one differs',
      [
        [0, map([0, 'https'])],
        [8, map([0, '.ts'])],
      ],
      'link_resource_mismatch',
    ],
    ['an unknown part', [[9, map([0, 'x'])]], 'link_malformed'],
    ['an unknown match', [[3, map([5, 'x'])]], 'link_malformed'],
    ['an expression of backtracking engines', [[3, map([4, ['(?=a)']])]], 'link_malformed'],
    ['an expression as text', [[3, map([4, 'a'])]], 'link_malformed'],
    ['no expression', [[3, map([4, []])]], 'link_malformed'],
    ['a prefix as bytes', [[3, map([1, Buffer.from('/files/')])]], 'link_malformed'],
  ])('%s', (_what, parts, outcome) => {
    expect(ask(tokenOf([[312, map(...parts)]]))).toBe(outcome)
  })

  it('is a map of maps', () => {
    expect(ask(tokenOf([[312, '/files/']]))).toBe('link_malformed')
    expect(ask(tokenOf([[312, map([3, '/files/'])]]))).toBe('link_malformed')
  })

  it('reads the path in its normal form', () => {
    const token = tokenOf([[312, map([3, map([1, '/files/~a/'])])]])
    expect(ask(token, { url: '/files/%7ea/b' })).toBe('permit')
  })

  it('takes the last dot for the extension', () => {
    const named = (stem: string, extension: string): string =>
      tokenOf([[312, map([7, map([0, stem])], [8, map([0, extension])])]])
    expect(ask(named('a.tar', '.gz'), { url: '/files/a.tar.gz' })).toBe('permit')
    expect(ask(named('a', ''), { url: '/files/a' })).toBe('permit')
    expect(ask(named('.a', ''), { url: '/files/.a' })).toBe('permit')
  })

  it.each(['/files/../x', '/files/%2e%2e/x', '/files/a%2fb', '/files/a%5cb', '/files/.'])(
    'covers no path that means another: %s',
    (rawPath) => {
      for (const claims of [[], [[312, map([3, map([1, '/files/'])])]] as const]) {
        const { context, verified } = verify(tokenOf(claims))
        if (verified.outcome !== 'granted') throw new Error(verified.outcome)
        const { resource } = verified.grant
        const hostile = { ...context, target: { rawPath, rawQuery: undefined } }
        expect(resource.kind === 'pattern' && resource.covers(hostile)).toBe(false)
      }
    },
  )

  it('the query that is matched is without the token', () => {
    const token = tokenOf([[312, map([4, map([0, 'a=1&b=2'])])]])
    const asked = (query: string): string => {
      const context = contextOf(`/files/a?${query}`, { scheme })
      const verified = new LinkVerifier([scheme], new KeyRing([SECRET])).verify(context)
      if (verified.outcome !== 'granted') return verified.outcome
      return decide(verified.grant, context, policyOf(), historyOf()).refusal?.reason ?? 'permit'
    }
    expect(asked(`a=1&CAT=${token}&b=2`)).toBe('permit')
    expect(asked(`CAT=${token}&a=1&b=3`)).toBe('link_resource_mismatch')
  })
})

const V4 = (prefix: number, ...bytes: number[]): CborValue => ({
  tag: 52,
  value: [prefix, Buffer.from(bytes)],
})

describe('where a client is', () => {
  it.each<[string, readonly CborValue[], string, string]>([
    ['the address', [{ tag: 52, value: Buffer.of(192, 0, 2, 1) }], '192.0.2.1', 'permit'],
    ['another', [{ tag: 52, value: Buffer.of(192, 0, 2, 1) }], '192.0.2.2', 'address_not_allowed'],
    ['a network', [V4(24, 192, 0, 2, 0)], '192.0.2.9', 'permit'],
    ['a network without its zeros', [V4(24, 192, 0, 2)], '192.0.2.9', 'permit'],
    ['a network with host bits', [V4(24, 192, 0, 2, 7)], '192.0.2.9', 'permit'],
    ['another network', [V4(24, 192, 0, 3)], '192.0.2.9', 'address_not_allowed'],
    ['the second of two', [V4(32, 1, 1, 1, 1), V4(24, 192, 0, 2)], '192.0.2.9', 'permit'],
    ['every address', [V4(0)], '192.0.2.9', 'permit'],
    ['every address, for IPv6', [V4(0)], '2001:db8::1', 'address_not_allowed'],
    ['IPv6', [{ tag: 54, value: [32, Buffer.from('20010db8', 'hex')] }], '2001:db8::9', 'permit'],
    ['a network beside an AS number', [64512, V4(24, 192, 0, 2)], '192.0.2.9', 'permit'],
    ['another beside an AS number', [64512, V4(24, 1)], '192.0.2.9', 'address_not_allowed'],
    ['an AS number alone', [64512], '192.0.2.9', 'link_constraint_unsupported'],
    ['nothing', [], '192.0.2.9', 'link_malformed'],
    ['a prefix that is too long', [V4(33, 192, 0, 2, 1)], '192.0.2.1', 'link_malformed'],
    ['too many bytes', [V4(24, 192, 0, 2, 0, 0)], '192.0.2.1', 'link_malformed'],
    ['too few bytes', [{ tag: 52, value: Buffer.of(192, 0, 2) }], '192.0.2.1', 'link_malformed'],
    ['an interface', [{ tag: 52, value: [Buffer.of(192), 24] }], '192.0.2.1', 'link_malformed'],
    ['another tag', [{ tag: 53, value: Buffer.of(1, 1, 1, 1) }], '1.1.1.1', 'link_malformed'],
    ['text', ['192.0.2.1'], '192.0.2.1', 'link_malformed'],
    ['65 networks', Array.from({ length: 65 }, () => V4(0)), '192.0.2.1', 'link_malformed'],
  ])('catnip with %s', (_what, networks, client, outcome) => {
    expect(ask(tokenOf([[311, networks]]), { client })).toBe(outcome)
  })

  it('catnip refuses a client whose address is unknown', () => {
    expect(ask(tokenOf([[311, [V4(0)]]]), { client: undefined })).toBe('address_not_allowed')
  })

  it.each<[string, CborValue, string | undefined, string]>([
    ['the country', ['DE', 'FR'], 'FR', 'permit'],
    ['another', ['DE'], 'FR', 'country_not_allowed'],
    ['no country', ['DE'], undefined, 'country_not_allowed'],
    ['a country beside a part of one', ['US-CA', 'DE'], 'DE', 'permit'],
    ['a part of the country', ['US-CA', 'DE'], 'US', 'country_not_allowed'],
    ['a part of a country alone', ['US-CA'], 'US', 'link_constraint_unsupported'],
    ['small letters', ['de'], 'DE', 'link_constraint_unsupported'],
    ['text', 'DE', 'DE', 'link_malformed'],
    ['nothing', [], 'DE', 'link_malformed'],
  ])('catgeoiso3166 with %s', (_what, codes, country, outcome) => {
    expect(ask(tokenOf([[316, codes]]), country === undefined ? {} : { country })).toBe(outcome)
  })
})

describe('what is asked how', () => {
  it.each<[CborValue, string, string]>([
    [['GET'], 'GET', 'permit'],
    [['GET'], 'HEAD', 'permit'],
    [['HEAD'], 'HEAD', 'permit'],
    [['HEAD'], 'GET', 'method_not_allowed'],
    [['get'], 'GET', 'method_not_allowed'],
    [['POST', 'GET'], 'GET', 'permit'],
    [[], 'GET', 'link_malformed'],
    ['GET', 'GET', 'link_malformed'],
  ])('catm %j and %s', (methods, method, outcome) => {
    expect(ask(tokenOf([[313, methods]]), { method })).toBe(outcome)
  })

  it.each<[string, CborMap, Record<string, string>, string]>([
    ['the value', map(['X-Tier', map([0, 'gold'])]), { 'x-tier': 'gold' }, 'permit'],
    ['another', map(['X-Tier', map([0, 'gold'])]), { 'x-tier': 'tin' }, 'link_resource_mismatch'],
    ['none', map(['X-Tier', map([0, 'gold'])]), {}, 'link_resource_mismatch'],
    ['none where any is good', map(['X-Tier', map()]), {}, 'link_resource_mismatch'],
    ['any', map(['X-Tier', map()]), { 'X-TIER': '' }, 'permit'],
    ['a prefix', map(['referer', map([1, 'https://a/'])]), { referer: 'https://a/b' }, 'permit'],
    ['an unknown match', map(['x', map([7, 'a'])]), { x: 'a' }, 'link_malformed'],
    ['a number for its name', map([1, map([0, 'a'])]), {}, 'link_malformed'],
  ])('cath with %s', (_what, wanted, headers, outcome) => {
    expect(ask(tokenOf([[315, wanted]]), { headers })).toBe(outcome)
  })
})

describe('other claims', () => {
  it.each<[string, readonly [number, CborValue], string]>([
    ['cnf', [8, map()], 'link_constraint_unsupported'],
    ['geohash', [282, 'u1'], 'link_constraint_unsupported'],
    ['catpor', [309, [1]], 'link_constraint_unsupported'],
    ['catalpn', [314, ['h2']], 'link_constraint_unsupported'],
    ['catgeocoord', [317, []], 'link_constraint_unsupported'],
    ['catgeoalt', [318, []], 'link_constraint_unsupported'],
    ['cattpk', [319, Buffer.alloc(2)], 'link_constraint_unsupported'],
    ['catdpop', [321, map()], 'link_constraint_unsupported'],
    ['one that is newer', [324, 1], 'link_constraint_unsupported'],
    ['one of others', [70_000, 1], 'permit'],
    ['catif, which restricts nothing', [322, map([4, [307, map(), 'k']])], 'permit'],
    ['catif that is no map', [322, 1], 'link_malformed'],
    ['catifdata', [320, 'x'], 'permit'],
    ['catv 1', [310, 1], 'permit'],
    ['catv 2', [310, 2], 'link_malformed'],
    ['cti as text', [7, 'x'], 'link_malformed'],
    ['cti of no bytes', [7, Buffer.alloc(0)], 'link_malformed'],
    ['cti of 65 bytes', [7, Buffer.alloc(65)], 'link_malformed'],
    ['sub as bytes', [2, Buffer.from('x')], 'link_malformed'],
    ['catreplay 0', [308, 0], 'permit'],
    ['catreplay 1 without a cti', [308, 1], 'link_malformed'],
    ['catreplay 2', [308, 2], 'permit'],
    ['catreplay 3', [308, 3], 'link_malformed'],
  ])('%s', (_what, claim, outcome) => {
    expect(ask(tokenOf([claim]))).toBe(outcome)
  })

  it('are constraints where a native link has them', () => {
    const id = Buffer.from('aabb', 'hex')
    const token = tokenOf([
      [2, 'joe'],
      [6, NOW],
      [7, id],
      [308, 1],
    ])
    expect(grantOf(token)).toMatchObject({
      linkId: 'aabb',
      constraints: { subject: 'joe', iat: NOW, jti: 'aabb', multi_use: false },
    })
    expect(grantOf(tokenOf([[308, 2]])).constraints).toEqual({ anti_fraud: true })
  })
})

describe('where a token stands', () => {
  const at = (url: string, headers: Record<string, string> = {}): string =>
    new LinkVerifier([scheme], new KeyRing([SECRET])).verify(contextOf(url, { headers, scheme }))
      .outcome
  // bytes that take both alphabets apart, and padding
  const token = tokenOf([
    [2, '\u00fb\u00ff?>~~'],
    [7, Buffer.of(0xfb, 0xff, 0xbf)],
  ])
  const standard = Buffer.from(token, 'base64url').toString('base64')

  it.each<[string, string, Record<string, string>]>([
    ['a header', '/files/a', { [HEADER]: token }],
    ['a header in small letters', '/files/a', { [HEADER.toLowerCase()]: token }],
    ['a cookie', '/files/a', { cookie: `x=1; ${HEADER}=${token}` }],
    ['a parameter', `/files/a?CAT=${token}`, {}],
    ['a header in standard base64', '/files/a', { [HEADER]: standard }],
    ['a parameter in standard base64', `/files/a?CAT=${encodeURIComponent(standard)}`, {}],
  ])('%s', (_what, url, headers) => {
    expect(at(url, headers)).toBe('granted')
  })

  it.each<[string, string, Record<string, string>, string]>([
    ['two parameters', `/files/a?CAT=${token}&CAT=${token}`, {}, 'refused'],
    ['two cookies', '/files/a', { cookie: `${HEADER}=${token}; ${HEADER}=${token}` }, 'refused'],
    ['a header and a parameter', `/files/a?CAT=${token}`, { [HEADER]: token }, 'refused'],
    ['a parameter of another case', `/files/a?cat=${token}`, {}, 'absent'],
    ['a cookie of another case', '/files/a', { cookie: `cat=${token}` }, 'absent'],
    ['an empty header', '/files/a', { [HEADER]: '' }, 'refused'],
    [
      'a cookie of more than 4 KiB',
      '/files/a',
      { cookie: `${HEADER}=${'A'.repeat(4097)}` },
      'refused',
    ],
  ])('%s', (_what, url, headers, outcome) => {
    expect(at(url, headers)).toBe(outcome)
  })

  it('a parameter that does not look like a token leaves the request to other formats', () => {
    const found = scheme.find(contextOf('/files/a?CAT=tom', { scheme }))
    expect(found).toMatchObject({ outcome: 'found', isWeak: true })
  })
})

describe('renewal', () => {
  const catr = (...pairs: readonly (readonly [number, CborValue])[]): Claims => [
    [6, NOW - 600],
    [323, map([1, 120], ...pairs)],
  ]

  function renewed(token: string, asked: Asked = {}, place: 'header' | 'cookie' = 'header') {
    const tested = make(asked.options)
    const headers = place === 'header' ? { [HEADER]: token } : { cookie: `${HEADER}=${token}` }
    const context = contextOf('/files/a', { ...asked, headers, scheme: tested })
    const keys = new KeyRing(asked.keys ?? [SECRET])
    const verified = new LinkVerifier([tested], keys).verify(context)
    if (verified.outcome !== 'granted') throw new Error(JSON.stringify(verified))
    return verified.grant.renew?.(context) ?? []
  }

  function claimsOf(token: string): CborMap {
    const message = readCose(decodeToken(token)!)
    if ('reason' in message || !isCoseSignedBy(message, SECRET)) throw new Error('does not hold')
    return message.claims()!
  }

  it('sets a cookie with the same claims and a later end', () => {
    const [name, line = ''] = renewed(tokenOf([...catr([0, 1]), [2, 'joe']]))
    expect(name).toBe('Set-Cookie')
    const [, token = '', attributes] = /^CTA-Common-Access-Token=([\w-]+)(; .*)$/.exec(line) ?? []
    expect(attributes).toBe('; Path=/; Max-Age=120; HttpOnly; Secure; SameSite=None')
    const claims = claimsOf(token)
    expect([claims.get(2), claims.get(4), claims.get(6)]).toEqual(['joe', NOW + 120, NOW])
    expect(isMap(claims.get(323))).toBe(true)
    expect(ask(token)).toBe('permit')
  })

  it('takes name and parameters of the cookie from the token', () => {
    const [, line] = renewed(tokenOf(catr([0, 1], [3, 'mine'], [5, ['Path=/files', 'Secure']])))
    expect(line).toMatch(/^mine=[\w-]+; Path=\/files; Secure$/)
  })

  it('takes parameters of the cookie as one text, and an empty list for none', () => {
    const attributes = (value: CborValue): string =>
      (renewed(tokenOf(catr([0, 1], [5, value])))[1] ?? '').replace(/^[^;]*/, '')
    expect(attributes('Path=/files; Secure')).toBe('; Path=/files; Secure')
    expect(attributes([])).toBe('; Path=/; Max-Age=120; HttpOnly; Secure; SameSite=None')
  })

  it.each<[string, Claims]>([
    ['a name that ends it', catr([0, 1], [3, 'a=b; x'])],
    ['a parameter with a semicolon', catr([0, 1], [5, ['Path=/; Domain=x']])],
    ['a text with an empty parameter', catr([0, 1], [5, 'Secure; ; Path=/'])],
    ['parameters as a map', catr([0, 1], [5, map([1, 'Secure'])])],
    ['a parameter with a line break', catr([0, 1], [5, ['Path=/\r\nX: y']])],
    ['an unknown type', catr([0, 4])],
    ['no type', catr()],
    ['a deadline as text', catr([0, 1], [2, '60'])],
    ['no seconds', [[323, map([0, 1])]]],
    ['a list', [[323, [1]]]],
  ])('%s is refused', (_what, claims) => {
    expect(ask(tokenOf(claims))).toBe('link_malformed')
  })

  it('answers in the header of the route, and in no other', () => {
    const [name, token = ''] = renewed(tokenOf(catr([0, 2], [4, HEADER.toLowerCase()])))
    expect([name, claimsOf(token).get(4)]).toEqual([HEADER, NOW + 120])
    expect(renewed(tokenOf(catr([0, 2], [4, 'Location'])))).toEqual([])
  })

  it('comes the way the token came where it is automatic', () => {
    const token = tokenOf(catr([0, 0]))
    expect(renewed(token)[0]).toBe(HEADER)
    expect(renewed(token, {}, 'cookie')[0]).toBe('Set-Cookie')
  })

  it('begins at the deadline, and ends with the token', () => {
    const token = tokenOf(catr([0, 1], [2, 60]))
    const at = (now: number): number => renewed(token, { now }).length
    expect([NOW + 3539, NOW + 3540, NOW + 3599, NOW + 3600].map(at)).toEqual([0, 2, 2, 0])
  })

  it('makes no redirects', () => {
    expect(renewed(tokenOf(catr([0, 3])))).toEqual([])
  })

  it('gives another id to a token that is used once', () => {
    const id = Buffer.from('aabb', 'hex')
    const next = (replay: number): CborValue | undefined =>
      claimsOf(renewed(tokenOf([...catr([0, 2]), [7, id], [308, replay]]))[1] ?? '').get(7)
    expect(next(0)).toEqual(id)
    expect(next(1)).not.toEqual(id)
  })

  it('needs a key that signs', () => {
    const token = tokenOf(catr([0, 1]))
    const verifier = { ...SECRET, signKey: undefined }
    expect(renewed(token, { keys: [verifier] })).toEqual([])
    expect(renewed(token, { keys: [verifier, EC] })[0]).toBe('Set-Cookie')
    expect(renewed(token, { keys: [verifier, { ...EC, issuer: 'x' }] })).toEqual([])
  })
})

describe('new links', () => {
  const sign = (path: string, options: Partial<CatOptions> = {}, key: Key = SECRET) =>
    make(options).sign({ path, expiresAt: NOW + 60, constraints: {}, site: SITE }, key)

  it('a prefix goes into a cookie, so that relative URLs work', () => {
    const link = sign('/files/shows/*')
    expect(link).toMatchObject({
      target: '/files/shows/',
      cookies: { [HEADER]: expect.any(String) },
    })
  })

  it('carry issuer and audience of the route, an id, and scheme and host', () => {
    const link = sign('/files/a', { issuer: 'me', audience: ['us', 'you'] })
    const token = 'target' in link ? link.target.replace('/files/a?CAT=', '') : ''
    const message = readCose(decodeToken(token)!)
    const claims = 'reason' in message ? undefined : message.claims()
    expect([claims?.get(1), claims?.get(3), claims?.get(310)]).toEqual(['me', 'us', 1])
    expect(claims?.get(7)).toHaveLength(16)
    expect(claims?.get(312)).toEqual(
      map([0, map([0, 'https'])], [1, map([0, 'cdn.example'])], [3, map([0, '/files/a'])]),
    )
    expect(decodeCbor(decodeToken(token)!)).toMatchObject({ tag: 61, value: { tag: 17 } })
  })

  it('need a private half', () => {
    expect(sign('/files/a', {}, { ...EC, signKey: undefined })).toMatchObject({
      reason: 'link_key_unknown',
    })
  })
})
