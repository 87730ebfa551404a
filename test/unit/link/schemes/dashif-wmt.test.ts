import { describe, expect, it } from 'vitest'
import { type Key, KeyRing } from '../../../../src/link/key-ring.ts'
import type { CborValue } from '../../../../src/link/schemes/cbor.ts'
import { signCwt } from '../../../../src/link/schemes/cose.ts'
import {
  dashIfWmt,
  DashIfWmt,
  type DashIfWmtOptions,
} from '../../../../src/link/schemes/dashif-wmt.ts'
import { signJws } from '../../../../src/link/schemes/jws.ts'
import { LinkVerifier } from '../../../../src/link/verify-link.ts'
import { decide } from '../../../../src/policy/decide.ts'
import { type CwtParts, macedCwt } from '../../../support/cose-tokens.ts'
import {
  contextOf,
  type ContextParts,
  historyOf,
  NOW,
  pairKey,
  policyOf,
  secretKey,
} from '../../../support/request-parts.ts'

const SCHEMES = { schemes: new Set(['dashif-wmt']) }
const SECRET = secretKey('k1', 1, SCHEMES)
const EC = { ...pairKey('ec', 'ec', 'ES256'), ...SCHEMES }

const DIRECT = { wmver: 1, wmvnd: 8, wmpatlen: 56, wmpattern: 'q83vASNFZw' }
const INDIRECT = { wmver: 1, wmvnd: 8, wmpatlen: 56, wmid: 'session', wmopid: 40, wmkeyver: 1 }

function jwtOf(claims: object = {}, key: Key = SECRET): string {
  return signJws({ exp: NOW + 3600, ...DIRECT, ...claims }, key, key.signKey!)
}

const BYTES = Buffer.from('abcdef0123', 'hex')

function cwtClaims(...pairs: readonly (readonly [number, CborValue])[]): Map<number, CborValue> {
  return new Map<number, CborValue>([[4, NOW + 3600], [300, 1], [301, 8], [302, 40], ...pairs])
}

function cwtOf(pairs: readonly (readonly [number, CborValue])[], parts?: CwtParts): string {
  return macedCwt(cwtClaims(...pairs), parts).toString('base64url')
}

interface Asked extends ContextParts {
  readonly url?: (token: string) => string
  readonly options?: Partial<DashIfWmtOptions>
  readonly keys?: readonly Key[]
}

function make(options: Partial<DashIfWmtOptions> = {}): DashIfWmt {
  return new DashIfWmt({
    ...(dashIfWmt.options.parse({}) as unknown as DashIfWmtOptions),
    ...options,
  })
}

function verify(token: string, { options, keys = [SECRET, EC], ...asked }: Asked = {}) {
  const { url = (text: string) => `/wmt:${text}/vod/a.mp4`, ...parts } = asked
  const scheme = make(options)
  const context = contextOf(url(token), { ...parts, scheme })
  return { context, verified: new LinkVerifier([scheme], new KeyRing(keys)).verify(context) }
}

function ask(token: string, asked?: Asked): string {
  const { context, verified } = verify(token, asked)
  if (verified.outcome === 'absent') return 'absent'
  if (verified.outcome === 'refused') return verified.refusal.reason
  const policy = policyOf({ leeway: { notBeforeSeconds: 0 } })
  return decide(verified.grant, context, policy, historyOf()).refusal?.reason ?? 'permit'
}

describe('where a token stands', () => {
  it.each([
    ['a JWT', jwtOf()],
    ['a JWT with ES256', jwtOf({}, EC)],
    ['a CWT', cwtOf([[304, BYTES]])],
    ['a CWT with ES256', signCwt(cwtClaims([304, BYTES]), EC)?.toString('base64url') ?? ''],
  ])('%s opens by path and header, and by cookie where the route reads one', (_what, token) => {
    const { context } = verify(token)
    expect(context.path).toBe('/vod/a.mp4')
    expect(ask(token)).toBe('permit')
    const url = (): string => '/vod/a.mp4'
    expect(ask(token, { url, headers: { authorization: `Bearer ${token}` } })).toBe('permit')
    const headers = { cookie: `wm=${token}` }
    expect(ask(token, { url, headers, options: { cookie: 'wm' } })).toBe('permit')
    expect(ask(token, { url, headers })).toBe('absent')
  })

  it('has prefix and header of the route', () => {
    const options = { pathPrefix: 'mark:', header: 'X-Mark' }
    expect(ask(jwtOf(), { options, url: (t) => `/mark:${t}/vod/a.mp4` })).toBe('permit')
    expect(
      ask('', { options, url: () => '/vod/a', headers: { 'x-mark': `Bearer ${jwtOf()}` } }),
    ).toBe('permit')
    expect(ask(jwtOf(), { options })).toBe('absent')
  })

  it.each<[string, (token: string) => string, Record<string, string>, string]>([
    ['a path and a header', (t) => `/wmt:${t}/a`, { authorization: 'Bearer x' }, 'link_ambiguous'],
    ['a later segment', (t) => `/vod/wmt:${t}/a`, {}, 'absent'],
    ['a segment alone', (t) => `/wmt:${t}`, {}, 'absent'],
    ['an empty segment', () => '/wmt:/a', {}, 'link_malformed'],
    ['a header of another kind', () => '/a', { authorization: 'Basic x' }, 'absent'],
  ])('%s', (_what, url, headers, outcome) => {
    expect(ask(jwtOf(), { url, headers })).toBe(outcome)
  })
})

describe('the watermark', () => {
  it.each<[string, object, string]>([
    ['a pattern', {}, 'permit'],
    ['an id', { ...INDIRECT, wmpattern: undefined }, 'permit'],
    ['neither', { wmpattern: undefined }, 'link_malformed'],
    ['both', INDIRECT, 'link_malformed'],
    ['a pattern that is no base64', { wmpattern: '?' }, 'link_malformed'],
    ['an empty pattern', { wmpattern: '' }, 'link_malformed'],
    ['a pattern as a number', { wmpattern: 1 }, 'link_malformed'],
    [
      'an id without operator',
      { ...INDIRECT, wmpattern: undefined, wmopid: undefined },
      'link_malformed',
    ],
    [
      'an id without key version',
      { ...INDIRECT, wmpattern: undefined, wmkeyver: undefined },
      'link_malformed',
    ],
    ['an empty id', { ...INDIRECT, wmpattern: undefined, wmid: '' }, 'link_malformed'],
    ['no version', { wmver: undefined }, 'link_malformed'],
    ['version 2', { wmver: 2 }, 'link_malformed'],
    ['no vendor', { wmvnd: undefined }, 'link_malformed'],
    ['a vendor as text', { wmvnd: '8' }, 'link_malformed'],
    ['no length', { wmpatlen: undefined }, 'link_malformed'],
    ['a length of nothing', { wmpatlen: 0 }, 'link_malformed'],
    ['a duration', { wmsegduration: [180_000, 90_000] }, 'permit'],
    ['a duration without timescale', { wmsegduration: [180_000] }, 'link_malformed'],
    ['a timescale of nothing', { wmsegduration: [180_000, 0] }, 'link_malformed'],
  ])('%s', (_what, claims, outcome) => {
    expect(ask(jwtOf(claims))).toBe(outcome)
  })

  it.each<[string, readonly (readonly [number, CborValue])[], string]>([
    [
      'an id',
      [
        [305, 'session'],
        [306, 40],
        [307, 1],
      ],
      'permit',
    ],
    [
      'an id as bytes',
      [
        [305, BYTES],
        [306, 40],
        [307, 1],
      ],
      'permit',
    ],
    [
      'a pattern that is encrypted',
      [[304, { tag: 16, value: [BYTES, new Map(), BYTES] }]],
      'permit',
    ],
    ['one without its tag', [[304, [BYTES, new Map(), BYTES]]], 'permit'],
    [
      'one of another tag',
      [[304, { tag: 17, value: [BYTES, new Map(), BYTES] }]],
      'link_malformed',
    ],
    ['one of two parts', [[304, [BYTES, new Map()]]], 'link_malformed'],
    ['no bytes', [[304, Buffer.alloc(0)]], 'link_malformed'],
    ['keys of early drafts', [[204, BYTES]], 'link_malformed'],
  ])('of a CWT: %s', (_what, pairs, outcome) => {
    expect(ask(cwtOf(pairs))).toBe(outcome)
  })
})

describe('the token around it', () => {
  it.each<[string, object, Partial<DashIfWmtOptions>, string]>([
    ['no exp', { exp: undefined }, {}, 'link_malformed'],
    ['the second of exp', { exp: NOW }, {}, 'link_expired'],
    ['milliseconds', { exp: (NOW + 60) * 1000 }, {}, 'link_malformed'],
    ['before nbf', { nbf: NOW + 1 }, {}, 'link_not_yet_valid'],
    ['jti as a number', { jti: 1 }, {}, 'link_malformed'],
    ['another issuer', { iss: 'x' }, { issuer: 'me' }, 'link_issuer_mismatch'],
    ['no issuer', {}, { issuer: 'me' }, 'link_issuer_mismatch'],
    ['the issuer', { iss: 'me' }, { issuer: 'me' }, 'permit'],
    ['our audience', { aud: ['me'] }, { audience: 'me' }, 'permit'],
    ['an audience where the route has none', { aud: 'me' }, {}, 'link_audience_mismatch'],
  ])('%s', (_what, claims, options, outcome) => {
    expect(ask(jwtOf(claims), { options })).toBe(outcome)
  })

  it('names its key', () => {
    const [, payload, signature] = jwtOf().split('.')
    const head = Buffer.from('{"alg":"HS256"}').toString('base64url')
    expect(ask(`${head}.${payload}.${signature}`)).toBe('link_malformed')
    expect(ask(cwtOf([[304, BYTES]], { free: new Map() }))).toBe('link_malformed')
  })

  it.each<[string, readonly Key[], string]>([
    ['no key', [], 'link_key_unknown'],
    ['another secret', [secretKey('k1', 2, SCHEMES)], 'link_signature_wrong'],
    ['a key of another algorithm', [{ ...EC, kid: 'k1' }], 'link_key_unknown'],
    ['a key that decrypts', [{ ...SECRET, use: 'enc' }], 'link_key_unknown'],
    ['a key of another issuer', [{ ...SECRET, issuer: 'x' }], 'link_issuer_mismatch'],
  ])('with %s is refused', (_what, keys, outcome) => {
    expect(ask(jwtOf(), { keys })).toBe(outcome)
    expect(ask(cwtOf([[304, BYTES]]), { keys })).toBe(outcome)
  })

  it('is known by its id', () => {
    const idOf = (token: string): string | undefined => {
      const { verified } = verify(token)
      return verified.outcome === 'granted' ? verified.grant.linkId : undefined
    }
    expect(idOf(jwtOf({ jti: 'n1' }))).toBe('n1')
    expect(
      idOf(
        cwtOf([
          [7, Buffer.of(0xaa)],
          [304, BYTES],
        ]),
      ),
    ).toBe('aa')
    expect(idOf(jwtOf())).toMatch(/^[0-9a-f]{12}$/)
  })

  it('is not made here', () => {
    expect(make().sign()).toMatchObject({ reason: 'link_constraint_unsupported' })
  })

  it('shows what was signed', () => {
    expect(make().canonicalText({ place: 'path', text: jwtOf() })).toBe(
      jwtOf().split('.').slice(0, 2).join('.'),
    )
    expect(make().canonicalText({ place: 'path', text: cwtOf([[304, BYTES]]) })).toMatch(/^84/)
    expect(make().canonicalText({ place: 'path', text: '?' })).toBeUndefined()
  })
})
