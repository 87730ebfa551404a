import { createHmac, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Constraints } from '../../../../src/link/constraints.ts'
import type { Grant } from '../../../../src/link/grant.ts'
import { type Key, KeyRing } from '../../../../src/link/key-ring.ts'
import { MediaCdn } from '../../../../src/link/schemes/mediacdn.ts'
import { LinkVerifier } from '../../../../src/link/verify-link.ts'
import { decide } from '../../../../src/policy/decide.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { ed25519Key } from '../../../support/ed25519-key.ts'
import {
  contextOf,
  type ContextParts,
  historyOf,
  NOW,
  policyOf,
  secretKey,
  SITE,
} from '../../../support/request-parts.ts'

const SCHEMES = { schemes: new Set(['mediacdn']) }
const KEY = ed25519Key('my-key', 1, SCHEMES)
const SECRET = secretKey('shared', 2, SCHEMES)
const SHA1 = secretKey('short', 3, { ...SCHEMES, alg: 'HS1' })
const EXPIRES = NOW + 60

const scheme = new MediaCdn({
  cookieName: 'Edge-Cache-Cookie',
  tokenParam: 'hdnts',
  links: 'token',
})

/** Session ids of letters, digits and a few marks. */
function narrow({ jti, ...rest }: Constraints): Constraints {
  const id = jti?.replace(/[^\w.:-]/g, '')
  return { ...rest, ...(id && { jti: id }) }
}

linkFormatContract('mediacdn with tokens', () => ({ scheme, keys: [KEY, SECRET, SHA1], narrow }))

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}

/** A token of these fields whose signature is over `signed`. */
function token(fields: string, signed = fields): string {
  return `${fields}~Signature=${sign(null, Buffer.from(signed), KEY.signKey!).toString('base64url')}`
}

function macToken(fields: string, digest: string, secret = Buffer.alloc(32, 2)): string {
  return `${fields}~hmac=${createHmac(digest, secret).update(fields).digest('hex')}`
}

function verify(
  value: string,
  parts: ContextParts = {},
  keys: Key[] = [KEY, SECRET],
  path = '/files/a',
) {
  const context = contextOf(`${path}?hdnts=${value}`, { scheme, ...parts })
  return { context, verified: new LinkVerifier([scheme], new KeyRing(keys)).verify(context) }
}

function ask(...given: Parameters<typeof verify>): string {
  const { context, verified } = verify(...given)
  if (verified.outcome === 'absent') return 'absent'
  if (verified.outcome === 'refused') return verified.refusal.reason
  return decide(verified.grant, context, policyOf(), historyOf()).refusal?.reason ?? 'permit'
}

function grantOf(...given: Parameters<typeof verify>): Grant {
  const { verified } = verify(...given)
  if (verified.outcome !== 'granted') throw new Error(JSON.stringify(verified))
  return verified.grant
}

const GLOB = `PathGlobs=/files/*~Expires=${EXPIRES}`

describe('what a token opens', () => {
  it.each([
    ['/files/*', 'permit'],
    ['/files/?', 'permit'],
    ['/x/*!/files/a', 'permit'],
    ['/x/*,/files/a', 'permit'],
    ['*', 'permit'],
    ['/files/', 'link_resource_mismatch'],
    ['/FILES/*', 'link_resource_mismatch'],
    ['/files/?*a', 'link_resource_mismatch'],
    ['', 'link_malformed'],
    ['/files/*!', 'link_malformed'],
    [Array.from({ length: 17 }, () => '/files/*').join(), 'link_malformed'],
  ])('by the globs %s: %s', (globs, outcome) => {
    expect(ask(token(`PathGlobs=${globs}~Expires=${EXPIRES}`))).toBe(outcome)
  })

  it('globs see the path alone, not the query', () => {
    const value = token(`PathGlobs=*.mp3~Expires=${EXPIRES}`)
    const context = contextOf(`/files/a.mp4?hdnts=${value}&x=.mp3`, { scheme })
    const verified = new LinkVerifier([scheme], new KeyRing([KEY])).verify(context)
    const { grant } = verified as { grant: Grant }
    expect(decide(grant, context, policyOf(), historyOf()).refusal?.reason).toBe(
      'link_resource_mismatch',
    )
  })

  it('by a URL prefix', () => {
    const prefix = (url: string): string =>
      ask(token(`URLPrefix=${base64url(url)}~Expires=${EXPIRES}`))
    expect(prefix('https://cdn.example/files/')).toBe('permit')
    expect(prefix('http://cdn.example/files/')).toBe('link_resource_mismatch')
    expect(prefix('/files/')).toBe('link_malformed')
  })

  it('by the path of the request, as it was sent', () => {
    const signed = (path: string): string =>
      token(`FullPath~Expires=${EXPIRES}`, `FullPath=${path}~Expires=${EXPIRES}`)
    expect(ask(signed('/files/a'))).toBe('permit')
    expect(ask(signed('/files/a%20b'), {}, [KEY], '/files/a%20b')).toBe('permit')
    expect(ask(signed('/files/a b'), {}, [KEY], '/files/a%20b')).toBe('link_signature_wrong')
    expect(ask(signed('/~me/a'), {}, [KEY], '/~me/a')).toBe('permit')
    expect(ask(signed('/files/b'))).toBe('link_signature_wrong')
  })
})

describe('the fields of a token', () => {
  it('say the times, the session and the addresses', () => {
    const ranges = base64url('192.0.2.0/24,2001:db8::/32')
    const fields = `${GLOB}~Starts=${NOW}~SessionID=s-1~Data=d=x~IPRanges=${ranges}`
    expect(grantOf(token(fields))).toMatchObject({
      linkId: 's-1',
      validUntil: EXPIRES,
      constraints: { jti: 's-1', nbf: NOW },
    })
    expect(ask(token(fields))).toBe('permit')
    expect(ask(token(fields), { client: '2001:db8::9' })).toBe('permit')
    expect(ask(token(fields), { client: '198.51.100.1' })).toBe('address_not_allowed')
    expect(ask(token(fields), { client: undefined })).toBe('address_not_allowed')
    const early = NOW - policyOf().leeway.notBeforeSeconds - 1
    expect(ask(token(fields), { now: early })).toBe('link_not_yet_valid')
  })

  it('a range that cannot be read lets nobody in, and the others stand', () => {
    const from = (ranges: string): string => ask(token(`${GLOB}~IPRanges=${base64url(ranges)}`))
    expect(from('192.0.2.1,2001:db8:4a7f:a732/64')).toBe('permit')
    expect(from('2001:db8:4a7f:a732/64')).toBe('address_not_allowed')
    expect(from('')).toBe('address_not_allowed')
    expect(from(Array.from({ length: 65 }, () => '192.0.2.1').join())).toBe('link_malformed')
    expect(ask(token(`${GLOB}~IPRanges=192.0.2.1`))).toBe('link_malformed')
  })

  it('a session that is no id of ours is information', () => {
    const long = 'x'.repeat(200)
    expect(grantOf(token(`${GLOB}~SessionID=${long}`)).constraints).toEqual({})
  })

  it.each([
    ['an unknown field', `${GLOB}~Country=DE`],
    ['a field twice', `${GLOB}~Expires=${EXPIRES}`],
    ['two that select', `${GLOB}~URLPrefix=${base64url('https://cdn.example/')}`],
    ['none that selects', `Expires=${EXPIRES}`],
    ['no expiry', 'PathGlobs=/files/*'],
    ['an empty expiry', 'PathGlobs=/files/*~Expires='],
    ['an expiry in milliseconds', `PathGlobs=/files/*~Expires=${EXPIRES}000`],
    ['a beginning that is no time', `${GLOB}~Starts=-1`],
    ['an empty field', `${GLOB}~`],
    ['a field of another case', `pathglobs=/files/*~Expires=${EXPIRES}`],
    ['a path of its own', `FullPath=/files/a~Expires=${EXPIRES}`],
    ['a selector without a value', `PathGlobs~Expires=${EXPIRES}`],
    ['two signatures', `${GLOB}~hmac=${'0'.repeat(40)}`],
  ])('with %s make it malformed', (_name, fields) => {
    expect(ask(token(fields))).toBe('link_malformed')
  })

  it('end in the signature', () => {
    const value = token(GLOB)
    expect(ask(`${value}~Data=x`)).toBe('link_malformed')
    expect(ask(value.split('~').toReversed().join('~'))).toBe('link_malformed')
    expect(ask(GLOB)).toBe('link_malformed')
    expect(ask(value.replace(/Signature=.*/, 'Signature='))).toBe('link_malformed')
    expect(ask(value.slice(0, -4))).toBe('link_malformed')
  })

  it('are no longer than a cookie may be', () => {
    expect(ask(token(`${GLOB}~Data=${'x'.repeat(4096)}`))).toBe('link_malformed')
  })
})

describe('the headers that a token names', () => {
  const fields = (names: string): string => `${GLOB}~Headers=${names}`
  const value = token(fields('X-Tier,User-Agent'), fields('X-Tier=gold,User-Agent=app/1 (a, b)'))
  const agent = { 'user-agent': 'app/1 (a, b)' }

  it('must be as they were signed', () => {
    expect(ask(value, { headers: { 'X-TIER': 'gold', ...agent } })).toBe('permit')
    expect(ask(value, { headers: { 'x-tier': 'Gold', ...agent } })).toBe('link_signature_wrong')
    expect(ask(value, { headers: agent })).toBe('link_resource_mismatch')
  })

  it('are asked for each time, verified before or not', () => {
    const verifier = new LinkVerifier([scheme], new KeyRing([KEY]))
    const outcome = (tier: string): string =>
      verifier.verify(
        contextOf(`/files/a?hdnts=${value}`, { scheme, headers: { 'x-tier': tier, ...agent } }),
      ).outcome
    expect(outcome('gold')).toBe('granted')
    expect(outcome('iron')).toBe('refused')
  })

  it('cannot bring a field that was cut out of the token', () => {
    const ranges = `IPRanges=${base64url('198.51.100.0/24')}`
    const whole = token(`${fields('X')}~${ranges}`, `${GLOB}~Headers=X=1~${ranges}`)
    expect(ask(whole, { headers: { x: '1' } })).toBe('address_not_allowed')
    const cut = whole.replace(`~${ranges}`, '')
    expect(ask(cut, { headers: { x: `1~${ranges}` } })).toBe('link_malformed')
  })

  it('cannot bring a header that was cut out of the token', () => {
    const whole = token(fields('X,Y'), fields('X=1,Y=2'))
    expect(ask(whole, { headers: { x: '1', y: '2' } })).toBe('permit')
    expect(ask(whole.replace('X,Y', 'X'), { headers: { x: '1,Y=2' } })).toBe('link_malformed')
  })

  it('nor can the path', () => {
    const signed = `FullPath=/files/a~Starts=${NOW + 50}~Expires=${EXPIRES}`
    const whole = token(`FullPath~Starts=${NOW + 50}~Expires=${EXPIRES}`, signed)
    const cut = whole.replace(`~Starts=${NOW + 50}`, '')
    expect(ask(cut, {}, [KEY], `/files/a~Starts=${NOW + 50}`)).toBe('link_malformed')
  })
})

describe('the key of a token', () => {
  it('is any of the type of its signature', () => {
    const others = Array.from({ length: 3 }, (_, i) => ed25519Key(`other-${i}`, i + 7, SCHEMES))
    expect(ask(token(GLOB), {}, [...others, SECRET, KEY])).toBe('permit')
    expect(ask(token(GLOB), {}, others)).toBe('link_signature_wrong')
  })

  it('of an HMAC is a secret, and the length says which', () => {
    expect(ask(macToken(GLOB, 'sha1'))).toBe('permit')
    expect(ask(macToken(GLOB, 'sha256'))).toBe('permit')
    expect(ask(macToken(GLOB, 'sha512'))).toBe('link_malformed')
    expect(ask(macToken(GLOB, 'sha256').replace(/[0-9a-f]{2}$/, ''))).toBe('link_malformed')
    expect(
      ask(macToken(GLOB, 'sha256').replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))),
    ).toBe('link_signature_wrong')
  })

  it('of an HMAC is never the public half of a pair', () => {
    const der = KEY.verifyKey.export({ format: 'der', type: 'spki' })
    for (const secret of [der, der.subarray(-32)]) {
      expect(ask(macToken(GLOB, 'sha256', secret), {}, [KEY])).toBe('link_key_unknown')
    }
    expect(ask(token(GLOB), {}, [SECRET])).toBe('link_key_unknown')
  })

  it('is not found by an HMAC in upper case', () => {
    const [fields = '', mac = ''] = macToken(GLOB, 'sha256').split('~hmac=')
    expect(ask(`${fields}~hmac=${mac.toUpperCase()}`)).toBe('link_malformed')
  })
})

describe('a token that is signed here', () => {
  const detailOf = (path: string, constraints: Constraints, key = KEY): string => {
    const link = scheme.sign({ path, expiresAt: EXPIRES, constraints, site: SITE }, key)
    return 'reason' in link ? link.detail : link.target
  }

  it('names one object by FullPath and a folder by URLPrefix', () => {
    expect(detailOf('/files/a', {})).toMatch(/^\/files\/a\?hdnts=FullPath~Expires=\d+~Signature=/)
    expect(detailOf('/files/*', {})).toMatch(/^\/files\/\?hdnts=URLPrefix=\w+~Expires=/)
    expect(detailOf('/files/a', {}, SHA1)).toMatch(/~hmac=[0-9a-f]{40}$/)
    expect(detailOf('/files/a', {}, SECRET)).toMatch(/~hmac=[0-9a-f]{64}$/)
  })

  it('does not say what its delimiters cannot carry', () => {
    expect(detailOf('/files/a', { jti: 'a~b' })).toMatch(/^jti: /)
    expect(detailOf('/files/a', { jti: 'a&b' })).toMatch(/^jti: /)
    expect(detailOf('/files/a~Starts=1', {})).toMatch(/^path: /)
  })

  it('needs a private half', () => {
    expect(detailOf('/files/a', {}, { ...KEY, signKey: undefined })).toMatch('cannot sign')
  })
})
