import { createHash, createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Key } from '../../../../src/link/key-ring.ts'
import { KeyRing } from '../../../../src/link/key-ring.ts'
import type { Scheme, SignedLink } from '../../../../src/link/scheme.ts'
import { nginxSecureLink } from '../../../../src/link/schemes/nginx-secure-link.ts'
import { LinkVerifier } from '../../../../src/link/verify-link.ts'
import { decide } from '../../../../src/policy/decide.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { schemeWith, verdictOf } from '../../../support/link-verdict.ts'
import {
  address,
  contextOf,
  type ContextParts,
  historyOf,
  NOW,
  pairKey,
  policyOf,
  SITE,
  secretKey,
} from '../../../support/request-parts.ts'

const SECRET = 'a secret with ünicode'
const OWN = { schemes: new Set(['nginx-secure-link']), alg: 'MD5' }
const secret = createSecretKey(Buffer.from(SECRET))
const KEY: Key = secretKey('K1', 0, { ...OWN, verifyKey: secret, signKey: secret })
const OTHER: Key = secretKey('K2', 2, OWN)
const E = NOW + 60

const KEYS = [KEY, OTHER, { ...pairKey('rsa', 'KR', 'RS256'), ...OWN }]

function make(options: Readonly<Record<string, unknown>> = {}): Scheme {
  return schemeWith(nginxSecureLink, options)
}

function ask(
  options: Readonly<Record<string, unknown>>,
  target: string,
  parts: ContextParts = {},
): string {
  return verdictOf(make(options), KEYS, target, parts).verdict
}

/** As the manual of nginx computes it, without our code. */
function md5(text: string): string {
  return createHash('md5').update(text).digest('base64url')
}

const PLAIN = { expression: '$secure_link_expires$uri $secret' }
const BOUND = {}

linkFormatContract('nginx-secure-link', () => ({ scheme: make(PLAIN), keys: [KEY, OTHER] }))

linkFormatContract('nginx-secure-link with the address', () => ({
  scheme: make(BOUND),
  keys: [KEY],
  narrow: () => ({ ip: [{ first: address('192.0.2.1'), prefix: 32 }] }),
}))

describe('an expression', () => {
  it('hashes what its variables stand for', () => {
    const expression = '$scheme://${host}$uri?$arg_user|$remote_addr|$secure_link_expires $secret'
    const hash = md5(`https://cdn.example/files/ü b?ann%20|192.0.2.1|${E} ${SECRET}`)
    const target = `/files/%C3%BC%20b?user=ann%20&md5=${hash}&expires=${E}`
    expect(ask({ expression }, target)).toBe('permit')
    expect(ask({ expression }, target, { client: '192.0.2.2' })).toBe('link_signature_wrong')
    expect(ask({ expression }, target, { client: undefined })).toBe('address_not_allowed')
    expect(ask({ expression }, target.replace('%20&', '+&'))).toBe('link_signature_wrong')
  })

  it('takes an IPv6 address in canonical text', () => {
    const hash = md5(`${E}/files/a2001:db8::7 ${SECRET}`)
    const target = `/files/a?md5=${hash}&expires=${E}`
    expect(ask(BOUND, target, { client: '2001:0DB8:0:0::7' })).toBe('permit')
    expect(ask(BOUND, target, { client: '2001:db8::8' })).toBe('link_signature_wrong')
  })

  it('may name its variables and groups in any case, as nginx reads them', () => {
    const expression = '$Secure_Link_Expires$URI$arg_User$Show ${SECRET}'
    const options = { expression, location: '^/files/(?<sHow>[^/]+)$' }
    const link = `md5=${md5(`${E}/files/aannaa ${SECRET}`)}&expires=${E}`
    expect(ask(options, `/files/a?user=anna&${link}`)).toBe('permit')
    expect(ask(options, `/files/a?USER=anna&${link}`)).toBe('permit')
    expect(ask(options, `/files/a?user=bob&${link}`)).toBe('link_signature_wrong')
    expect(ask(options, `/files/a?user=anna&User=anna&${link}`)).toBe('link_malformed')
  })

  it('may name the secret anywhere and more than once', () => {
    const expression = '$secret$uri$secret$secure_link_expires'
    const hash = md5(`${SECRET}/files/a${SECRET}${E}`)
    expect(ask({ expression }, `/files/a?md5=${hash}&expires=${E}`)).toBe('permit')
  })

  it('never finds a variable in what a request says', () => {
    const expression = '$uri$arg_x $secret'
    const options = { expression, allowUnlimited: true }
    const filled = md5(`/files/a${SECRET} ${SECRET}`)
    expect(ask(options, `/files/a?x=$secret&md5=${filled}`)).toBe('link_signature_wrong')
    const literal = md5(`/files/a$secret ${SECRET}`)
    expect(ask(options, `/files/a?x=$secret&md5=${literal}`)).toBe('permit')
  })

  it('binds the decoded path and no other', () => {
    const parameters = `md5=${md5(`${E}/files/a ${SECRET}`)}&expires=${E}`
    expect(ask(PLAIN, `/files/%61?${parameters}`)).toBe('permit')
    for (const path of ['/files/ab', '/files/A', '/files', '/files/a/b']) {
      expect([path, ask(PLAIN, `${path}?${parameters}`)]).toEqual([path, 'link_signature_wrong'])
    }
  })

  it.each([
    [{ expression: '$uri secret' }, /\$secret/],
    [{ expression: '$uri$http_referer $secret' }, /\$http_referer/],
    [{ expression: '$uri$dir $secret', location: '^/(?<name>x)' }, /\$dir/],
    [{ expression: '$uri$1 $secret' }, /\$1/],
    [{ expression: '$uri$ $secret' }, /begins no variable/],
    [{ location: '(' }, /RE2/],
    [{ location: '(?=x)' }, /RE2/],
    [{ prefix: 'p' }, /slash/],
    [{ expires: 'e' }, /expires/],
  ])('that cannot be is refused with the configuration: %j', (options, message) => {
    expect(() => make(options)).toThrow(message)
  })
})

describe('the parameters', () => {
  const hash = md5(`${E}/files/a ${SECRET}`)

  it('are found in any order and case among others, as nginx finds them', () => {
    expect(ask(PLAIN, `/files/a?x=1&expires=${E}&y&md5=${hash}&z=`)).toBe('permit')
    expect(ask(PLAIN, `/files/a?MD5=${hash}&Expires=${E}`)).toBe('permit')
    const named = { ...PLAIN, md5Param: 'st', expiresParam: 'e' }
    expect(ask(named, `/files/a?st=${hash}&e=${E}`)).toBe('permit')
    expect(ask(named, `/files/a?md5=${hash}&expires=${E}`)).toBe('link_missing')
  })

  it.each([`md5=${hash}`, `MD5=${hash}`, `expires=${E}`, `eXpires=1`])(
    'refuse when %s comes twice',
    (more) => {
      expect(ask(PLAIN, `/files/a?md5=${hash}&expires=${E}&${more}`)).toBe('link_malformed')
    },
  )

  it.each([
    ['', 'link_malformed'],
    [hash.slice(0, -1), 'link_malformed'],
    [`${hash}A`, 'link_malformed'],
    [`${hash}==`, 'permit'],
    [`${hash}=`, 'link_malformed'],
    [`${hash}%3D%3D`, 'link_malformed'],
    [`%${hash.charCodeAt(0).toString(16)}${hash.slice(1)}`, 'link_malformed'],
    [hash.toUpperCase(), /link_(?:malformed|signature_wrong)/],
    [md5(`${E}/files/b ${SECRET}`), 'link_signature_wrong'],
  ])('judge the hash %s', (given, outcome) => {
    expect(ask(PLAIN, `/files/a?md5=${given}&expires=${E}`)).toMatch(outcome)
  })

  it.each([
    '',
    '0',
    '-1',
    '+1',
    '1e9',
    ' 1',
    `0${E}`,
    `${E}.0`,
    `${E}000`,
    '9'.repeat(16),
    'never',
  ])('are malformed with the expiry "%s", even if it is signed', (expires) => {
    const signed = md5(`${expires}/files/a ${SECRET}`)
    expect(ask(PLAIN, `/files/a?md5=${signed}&expires=${expires}`)).toBe('link_malformed')
  })

  it('count to the end of the second in the expiry', () => {
    const target = `/files/a?md5=${hash}&expires=${E}`
    const at = (now: number): string => ask(PLAIN, target, { now })
    expect([at(E), at(E + 1)]).toEqual(['permit', 'link_expired'])
  })

  it('without a signed expiry open nothing unless the route allows it', () => {
    const options = { expression: '$uri $secret' }
    const target = `/files/a?md5=${md5(`/files/a ${SECRET}`)}`
    expect(ask(options, target)).toBe('link_lifetime_exceeded')
    // anybody could write this one
    expect(ask(options, `${target}&expires=${E}`)).toBe('link_lifetime_exceeded')
    const allowed = { ...options, allowUnlimited: true }
    expect(ask(allowed, target, { now: NOW + 1e9 })).toBe('permit')
    expect(ask(allowed, `${target}&expires=${NOW - 1}`)).toBe('link_expired')
    expect(ask({ ...allowed, expiresParam: null }, `${target}&expires=${NOW - 1}`)).toBe('permit')
  })
})

describe('a location', () => {
  const options = {
    location: '^/files/(?<show>[^/]+)/',
    expression: '$secure_link_expires$show $secret',
  }
  const link = `md5=${md5(`${E}one ${SECRET}`)}&expires=${E}`

  it('opens what its groups tell apart, as one link that is remembered', () => {
    const scheme = make(options)
    const verifier = new LinkVerifier([scheme], new KeyRing([KEY]))
    const grants = ['/files/one/a', '/files/one/b/c', '/files/one/d'].map((path) => {
      const context = contextOf(`${path}?${link}`, { scheme })
      const verified = verifier.verify(context)
      if (verified.outcome !== 'granted') throw new Error(verified.outcome)
      expect(decide(verified.grant, context, policyOf(), historyOf()).refusal).toBeUndefined()
      return verified.grant
    })
    expect(grants[2]).toBe(grants[1])
    expect(ask(options, `/files/two/a?${link}`)).toBe('link_signature_wrong')
    expect(ask(options, `/other/one/a?${link}`)).toBe('link_resource_mismatch')
  })

  it('cannot be left by a path that means another one', () => {
    const scheme = make(options)
    const context = contextOf(`/files/one/a?${link}`, { scheme })
    const verified = new LinkVerifier([scheme], new KeyRing([KEY])).verify(context)
    if (verified.outcome !== 'granted' || verified.grant.resource.kind !== 'pattern')
      throw new Error()
    for (const rawPath of ['/files/one/%2e%2e/two/a', '/files/one/..%2fa', '/files/two/../one/a']) {
      const target = { ...context.target, rawPath }
      expect([rawPath, verified.grant.resource.covers({ ...context, target })]).toEqual([
        rawPath,
        false,
      ])
    }
  })
})

describe('minting', () => {
  const request = { path: '/files/a%20b', expiresAt: E, constraints: {}, site: SITE }
  const sign = (options: Readonly<Record<string, unknown>>, more: object = {}): string => {
    const link = make(options).sign({ ...request, ...more }, KEY)
    return 'reason' in link ? `${link.reason} ${link.detail.split(':', 1)[0]}` : link.target
  }

  it('writes the link of the manual', () => {
    const hash = md5(`${E}/files/a b ${SECRET}`)
    expect(sign(PLAIN)).toBe(`/files/a%20b?md5=${hash}&expires=${E}`)
  })

  it('refuses what the expression does not say', () => {
    const networks = (...ip: unknown[]): object => ({ constraints: { ip } })
    const one = { first: address('192.0.2.1'), prefix: 32 }
    expect(sign(BOUND)).toBe('link_constraint_unsupported ip')
    expect(sign(BOUND, networks(one, one))).toBe('link_constraint_unsupported ip')
    expect(sign(BOUND, networks({ ...one, prefix: 24 }))).toBe('link_constraint_unsupported ip')
    expect(sign({ expression: '$uri $secret' })).toBe('link_constraint_unsupported expires_at')
    expect(sign({ expression: '$secure_link_expires $secret' })).toBe(
      'link_constraint_unsupported path',
    )
    expect(sign({ expression: '$request_uri$uri $secret' })).toBe(
      'link_constraint_unsupported path',
    )
    expect(sign({ ...PLAIN, location: '^/other/' })).toBe('link_constraint_unsupported path')
  })
})

describe('secure_link_secret', () => {
  const options = { mode: 'secret', prefix: '/p/', allowUnlimited: true }
  const hex = (link: string): string => createHash('md5').update(link).update(SECRET).digest('hex')

  it('opens the link behind the hash, in hex of either case', () => {
    const hash = hex('files/a%20b')
    expect(ask(options, `/p/${hash}/files/a%20b`)).toBe('permit')
    expect(ask(options, `/p/${hash.toUpperCase()}/files/a%20b`)).toBe('permit')
    expect(ask(options, `/p/${hash}/files/a%20c`)).toBe('link_signature_wrong')
    // the very bytes are hashed
    expect(ask(options, `/p/${hash}/files/%61%20b`)).toBe('link_signature_wrong')
  })

  it('signs the query with the link', () => {
    expect(ask(options, `/p/${hex('files/a?x=1')}/files/a?x=1`)).toBe('permit')
    expect(ask(options, `/p/${hex('files/a')}/files/a?x=1`)).toBe('link_signature_wrong')
    expect(ask(options, `/p/${hex('files/a')}/files/a?`)).toBe('link_signature_wrong')
  })

  it('is no link elsewhere or in another shape', () => {
    const hash = hex('files/a')
    for (const path of [
      `/q/${hash}/files/a`,
      `/p/${hash.slice(1)}/files/a`,
      `/p/${hash}0/files/a`,
      `/p/x${hash.slice(1)}/files/a`,
      `/x/p/${hash}/files/a`,
    ]) {
      expect([path, ask(options, path)]).toEqual([path, 'link_missing'])
    }
  })

  it('never expires, so that a route has to allow it and no link with an end is minted', () => {
    const { allowUnlimited: _, ...forbidden } = options
    expect(ask(forbidden, `/p/${hex('files/a')}/files/a`)).toBe('link_lifetime_exceeded')
    const request = { path: '/files/a', constraints: {}, site: SITE }
    expect(make(options).sign({ ...request, expiresAt: E }, KEY)).toMatchObject({
      reason: 'link_constraint_unsupported',
    })
    const link = make(options).sign({ ...request, expiresAt: Infinity }, KEY) as SignedLink
    expect(ask(options, link.target)).toBe('permit')
  })

  it('opens nothing where the gateway sees another object', () => {
    const scheme = make(options)
    const target = `/p/${hex('files/a')}/files/a`
    const context = { ...contextOf(target, { scheme }), path: contextOf('/files/b').path }
    const verified = new LinkVerifier([scheme], new KeyRing([KEY])).verify(context)
    if (verified.outcome !== 'granted') throw new Error(verified.outcome)
    expect(decide(verified.grant, context, policyOf(), historyOf()).refusal?.reason).toBe(
      'link_resource_mismatch',
    )
  })
})
