import { sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { formatNetwork, parseNetwork } from '../../../../src/base/address.ts'
import type { Constraints } from '../../../../src/link/constraints.ts'
import { covers } from '../../../../src/link/grant.ts'
import { type Key, KeyRing } from '../../../../src/link/key-ring.ts'
import { CloudFrontUrl } from '../../../../src/link/schemes/cloudfront-url.ts'
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
  SITE,
  secretKey,
} from '../../../support/request-parts.ts'

const SCHEMES = { schemes: new Set(['cloudfront-url']) }
const RSA: Key = { ...pairKey('rsa', 'KRSA', 'RS256'), ...SCHEMES }
const SHA1: Key = { ...pairKey('rsa', 'KSHA1', 'RS1'), ...SCHEMES }
const EC: Key = { ...pairKey('ec', 'KEC', 'ES256'), ...SCHEMES }
const SECRET: Key = secretKey('KSECRET', 1, SCHEMES)

const scheme = new CloudFrontUrl({ acceptSha1: true })
const EXPIRES = NOW + 60

/** A policy has one IPv4 network, and its beginning is exclusive. */
function narrow({ ip, nbf, ...rest }: Constraints): Constraints {
  const network = ip?.find(({ first, prefix }) => first.family === 4 && prefix > 0)
  return { ...rest, ...(network && { ip: [network] }), ...(nbf && { nbf }) }
}

linkFormatContract('cloudfront-url', () => ({ scheme, keys: [RSA, SHA1, EC], narrow }))

function encode(bytes: Buffer): string {
  return bytes.toString('base64').replace(/[+=/]/g, (c) => ({ '+': '-', '=': '_', '/': '~' })[c]!)
}

/** The parameters of a link with these policy bytes, made by node:crypto alone. */
function signed(policy: string | Buffer, { key = RSA, digest = 'sha1' } = {}): string {
  const bytes = Buffer.from(policy)
  const signature = encode(sign(digest, bytes, key.signKey!))
  const hash = digest === 'sha256' ? '&Hash-Algorithm=SHA256' : ''
  return `Policy=${encode(bytes)}&Signature=${signature}&Key-Pair-Id=${key.kid}${hash}`
}

function canned(url: string, expires: string | number = EXPIRES): string {
  const policy = `{"Statement":[{"Resource":"${url}","Condition":{"DateLessThan":{"AWS:EpochTime":${expires}}}}]}`
  return signed(policy).replace(/^Policy=[^&]*/, `Expires=${expires}`)
}

function policyWith(resource: unknown, condition: object = {}): string {
  const Condition = { DateLessThan: { 'AWS:EpochTime': EXPIRES }, ...condition }
  return JSON.stringify({
    Statement: [{ ...(resource !== undefined && { Resource: resource }), Condition }],
  })
}

function ask(target: string, parts: ContextParts = {}, options = { acceptSha1: true }): string {
  const keys = new KeyRing([RSA, SHA1, EC, SECRET])
  const context = contextOf(target, parts)
  const verified = new LinkVerifier([new CloudFrontUrl(options)], keys).verify(context)
  if (verified.outcome === 'absent') return 'absent'
  if (verified.outcome === 'refused') return verified.refusal.reason
  return decide(verified.grant, context, policyOf(), historyOf()).refusal?.reason ?? 'permit'
}

const URL = 'https://cdn.example/files/a.mp4'

describe('a canned policy', () => {
  it('may come with its tildes encoded', () => {
    const encoded = canned(URL).replace(
      /^(.*Signature=)([^&]*)/,
      (_, before, signature) => before + signature.replaceAll('~', '%7E'),
    )
    expect(encoded).toContain('%7E')
    expect(ask(`/files/a.mp4?${encoded}`)).toBe('permit')
    expect(ask(`/files/a.mp4?${encoded.replaceAll('%7E', '%7e')}`)).toBe('permit')
  })

  it('takes its own parameters in any order and place', () => {
    const [expires, signature, kid] = canned(`${URL}?a=1&b=2`).split('&')
    expect(ask(`/files/a.mp4?${kid}&a=1&${signature}&b=2&${expires}`)).toBe('permit')
  })

  it('binds the order and bytes of the other parameters', () => {
    const parameters = canned(`${URL}?a=1&b=%2f`)
    expect(ask(`/files/a.mp4?a=1&b=%2f&${parameters}`)).toBe('permit')
    for (const query of ['b=%2f&a=1', 'a=1&b=%2F', 'a=1&b=%2f&', '&a=1&b=%2f', 'a=1', 'a=1&b=/']) {
      expect([query, ask(`/files/a.mp4?${query}&${parameters}`)]).toEqual([
        query,
        'link_signature_wrong',
      ])
    }
  })

  it('compares the path as it was sent', () => {
    const parameters = canned('https://cdn.example/files/%61.mp4')
    expect(ask(`/files/%61.mp4?${parameters}`)).toBe('permit')
    expect(ask(`/files/a.mp4?${parameters}`)).toBe('link_signature_wrong')
  })

  it.each(['', '-1', '1e9', `0${EXPIRES}`, `${EXPIRES}.0`, `${EXPIRES}000`])(
    'with Expires=%s is malformed, even if it is signed',
    (expires) => {
      expect(ask(`/files/a.mp4?${canned(URL, expires)}`)).toBe('link_malformed')
    },
  )

  it('cannot be continued out of the URL by a quote', () => {
    const policy = policyWith(URL, {}).replace('"Condition"', '"x":"y","Condition"')
    const url = `/files/a.mp4","x":"y`
    const parameters = signed(policy).replace(/^Policy=[^&]*/, `Expires=${EXPIRES}`)
    expect(ask(`/files/a.mp4?${parameters}&x="y`)).toBe('link_malformed')
    expect(ask(`${url}?${parameters}`)).toBe('link_malformed')
  })
})

it('a custom policy cannot be passed off as a canned one to lose its conditions', () => {
  const policy = policyWith(URL, { IpAddress: { 'AWS:SourceIp': '198.51.100.1' } })
  const parameters = signed(policy)
  expect(ask(`/files/a.mp4?${parameters}`)).toBe('address_not_allowed')
  const expires = policy.slice(policy.indexOf(String(EXPIRES)), -'}}}]}'.length)
  const disguised = parameters.replace(/^Policy=[^&]*/, () => `Expires=${expires}`)
  expect(ask(`/files/a.mp4?${disguised}`)).toBe('link_malformed')
})

describe('the resource of a custom policy', () => {
  const opens = (resource: unknown, target: string): string => {
    const separator = target.includes('?') ? '&' : '?'
    return ask(`${target}${separator}${signed(policyWith(resource))}`)
  }

  it.each([
    ['*', '/files/a.mp4?x=1'],
    [undefined, '/files/a.mp4'],
    ['https://cdn.example/files/*', '/files/x/y.ts?a=b'],
    ['https://cdn.example/files/?.mp4', '/files/a.mp4'],
    ['https://cdn.example/files/a.mp4?size=*', '/files/a.mp4?size=large'],
    ['http*://*.example/*.mp4', '/files/a.mp4'],
    ['*://cdn.example/*', '/files/a.mp4'],
    ['*/files/*', '/files/a.mp4'],
    ['https://cdn.example*', '/files/a.mp4'],
    ['HTTPS://CDN.Example/files/*', '/files/a.mp4'],
  ])('%s covers %s', (resource, target) => {
    expect(opens(resource, target)).toBe('permit')
  })

  it.each([
    ['http://cdn.example/files/*', '/files/a.mp4'],
    ['https://other.example/files/*', '/files/a.mp4'],
    ['https://cdn.example/files/??.mp4', '/files/a.mp4'],
    ['https://cdn.example/files/a.mp4', '/files/a.mp4?x=1'],
    ['https://cdn.example/files/A.mp4', '/files/a.mp4'],
    ['https://cdn.example/files/a', '/files/a.mp4'],
    // a wildcard of scheme or host does not run on into path and query
    ['http*://cdn.example/p/*', '/files/a.mp4?x=://cdn.example/p/'],
    ['https://*.other.example/p/*', '/files/a.mp4?x=.other.example/p/'],
  ])('%s does not cover %s', (resource, target) => {
    expect(opens(resource, target)).toBe('link_resource_mismatch')
  })

  it('is read as JSON, escapes and all', () => {
    const policy = policyWith(URL).replace('/files/', String.raw`\/\u0066iles/`)
    expect(ask(`/files/a.mp4?${signed(policy)}`)).toBe('permit')
  })

  it.each(['/files/p/../a.mp4', '/files/p/%2e%2e/a.mp4', '/files/p%2f..%2fa.mp4'])(
    'never covers %s',
    (path) => {
      const context = contextOf(`/files/p/x?${signed(policyWith('*'))}`)
      const hostile = { ...context, target: { ...context.target, rawPath: path } }
      const verified = new LinkVerifier([scheme], new KeyRing([RSA])).verify(hostile)
      expect(verified.outcome === 'granted' && covers(verified.grant.resource, hostile)).toBe(false)
    },
  )
})

describe('the conditions of a custom policy', () => {
  it('hold between two exclusive times', () => {
    const times = { DateGreaterThan: { 'AWS:EpochTime': NOW } }
    const target = `/files/a.mp4?${signed(policyWith(URL, times))}`
    const leeway = policyOf().leeway.notBeforeSeconds
    expect(ask(target, { now: NOW - leeway })).toBe('link_not_yet_valid')
    expect(ask(target, { now: NOW + 1 })).toBe('permit')
    expect(ask(target, { now: EXPIRES })).toBe('link_expired')
  })

  it('hold for IPv4 clients of a range, and for all where it is 0.0.0.0/0', () => {
    const from = (source: string): string =>
      `/files/a.mp4?${signed(policyWith(URL, { IpAddress: { 'AWS:SourceIp': source } }))}`
    expect(ask(from('192.0.2.0/24'))).toBe('permit')
    expect(ask(from('192.0.2.1'))).toBe('permit')
    expect(ask(from('198.51.100.0/24'))).toBe('address_not_allowed')
    expect(ask(from('192.0.2.0/24'), { client: '2001:db8::1' })).toBe('address_not_allowed')
    expect(ask(from('192.0.2.0/24'), { client: undefined })).toBe('address_not_allowed')
    expect(ask(from('0.0.0.0/0'), { client: '2001:db8::1' })).toBe('permit')
  })

  it.each<[string, object]>([
    ['a condition that is not known', { StringEquals: { 'AWS:Referer': 'x' } }],
    ['an operator that is not known', { DateLessThan: { 'AWS:CurrentTime': EXPIRES } }],
    ['a second operator', { DateLessThan: { 'AWS:EpochTime': EXPIRES, x: 1 } }],
    ['a time as text', { DateLessThan: { 'AWS:EpochTime': `${EXPIRES}` } }],
    ['a time with a fraction', { DateLessThan: { 'AWS:EpochTime': EXPIRES + 0.5 } }],
    ['a time in milliseconds', { DateLessThan: { 'AWS:EpochTime': EXPIRES * 1000 } }],
    ['a beginning as text', { DateGreaterThan: { 'AWS:EpochTime': '1' } }],
    ['a negative beginning', { DateGreaterThan: { 'AWS:EpochTime': -1 } }],
    ['no beginning', { DateGreaterThan: null }],
    ['an IPv6 address', { IpAddress: { 'AWS:SourceIp': '2001:db8::/32' } }],
    ['an address that is none', { IpAddress: { 'AWS:SourceIp': '192.0.2.0/33' } }],
    ['a list of addresses', { IpAddress: { 'AWS:SourceIp': ['192.0.2.1'] } }],
  ])('with %s make the link malformed', (_name, condition) => {
    expect(ask(`/files/a.mp4?${signed(policyWith(URL, condition))}`)).toBe('link_malformed')
  })
})

describe('the bytes of a custom policy', () => {
  const statement = JSON.parse(policyWith(URL)).Statement[0] as object

  it('may hold white space', () => {
    const spaced = JSON.stringify({ Statement: [statement] }, undefined, 2)
    expect(ask(`/files/a.mp4?${signed(spaced)}`)).toBe('permit')
  })

  it.each<[string, string | Buffer]>([
    ['two statements', JSON.stringify({ Statement: [statement, statement] })],
    ['no statement', JSON.stringify({ Statement: [] })],
    ['a statement that is no list', JSON.stringify({ Statement: statement })],
    ['an unknown member', JSON.stringify({ Statement: [{ ...statement, Effect: 'Deny' }] })],
    ['an unknown member on top', JSON.stringify({ Version: '1', Statement: [statement] })],
    ['no condition', JSON.stringify({ Statement: [{ Resource: URL }] })],
    ['a resource that is a list', policyWith([URL])],
    ['an empty resource', policyWith('')],
    ['a name twice', policyWith(URL).replace('{"Resource"', '{"Resource":"*","Resource"')],
    ['what is no JSON', 'not json'],
    ['a list', '[]'],
    ['what is no UTF-8', Buffer.from([...Buffer.from(policyWith('*x')), 0xff])],
  ])('%s: malformed', (_name, policy) => {
    expect(ask(`/files/a.mp4?${signed(policy)}`)).toBe('link_malformed')
  })

  it('come in the base64 of CloudFront alone', () => {
    const target = `/files/a.mp4?${signed(`${policyWith(URL)} `)}`
    const [policy = ''] = /Policy=[^&]*/.exec(target) ?? []
    expect(ask(target)).toBe('permit')
    expect(policy).toMatch(/_$/)
    expect(ask(target.replace(policy, policy.replace(/_+$/, '')))).toBe('permit')
    for (const wrong of [policy.replaceAll('_', '='), `${policy}_`, `${policy}!`, 'Policy=']) {
      expect([wrong, ask(target.replace(policy, wrong))]).toEqual([wrong, 'link_malformed'])
    }
  })
})

describe('the digest', () => {
  const target = (digest: string, key = RSA): string =>
    `/files/a.mp4?${signed(policyWith(URL), { key, digest })}`

  it.each([RSA, EC])('is what Hash-Algorithm says, with $kid', (key) => {
    const sha1 = target('sha1', key)
    const sha256 = target('sha256', key)
    expect(ask(sha1)).toBe('permit')
    expect(ask(sha256)).toBe('permit')
    expect(ask(`${sha1}&Hash-Algorithm=SHA256`)).toBe('link_signature_wrong')
    expect(ask(sha256.replace('&Hash-Algorithm=SHA256', ''))).toBe('link_signature_wrong')
  })

  it.each(['', 'sha256', 'SHA512', 'MD5', 'none'])('is none that is called "%s"', (name) => {
    expect(ask(`${target('sha1')}&Hash-Algorithm=${name}`)).toBe('link_malformed')
  })

  it('SHA-1 can be shut out', () => {
    const strict = { acceptSha1: false }
    expect(ask(target('sha1'), {}, strict)).toBe('link_malformed')
    expect(ask(target('sha256'), {}, strict)).toBe('permit')
    const request = {
      path: '/files/a',
      expiresAt: EXPIRES,
      constraints: {},
      site: SITE,
    }
    expect(new CloudFrontUrl(strict).sign(request, SHA1)).toMatchObject({
      reason: 'link_key_unknown',
    })
  })
})

describe('a request', () => {
  const good = `/files/a.mp4?${canned(URL)}`

  it.each(['Expires=9999999999', 'Signature=A', 'Key-Pair-Id=KRSA', 'Policy=A', 'Expires='])(
    'with one more %s is refused',
    (parameter) => {
      expect(ask(good)).toBe('permit')
      expect(ask(`${good}&${parameter}`)).toBe('link_malformed')
      expect(ask(good.replace('?', `?${parameter}&`))).toBe('link_malformed')
    },
  )

  it.each(['Expires', 'Signature'])('without %s is refused', (name) => {
    expect(ask(good.replace(new RegExp(`${name}=[^&]*&?`), ''))).toBe('link_malformed')
  })

  it('without Key-Pair-Id is none of ours', () => {
    expect(ask(good.replace(/&Key-Pair-Id=.*/, ''))).toBe('absent')
    expect(ask(good.replace('Key-Pair-Id', 'key-pair-id'))).toBe('absent')
  })

  it('names a key that is a key pair of the right kind', () => {
    const named = (kid: string): string => ask(good.replace('KRSA', kid))
    expect(named('other')).toBe('link_key_unknown')
    expect(named('KSECRET')).toBe('link_key_unknown')
    expect(named('KEC')).toBe('link_signature_wrong')
  })

  it('is counted by the policy, so that a second ECDSA signature makes no second link', () => {
    const link = (): string => `/files/a.mp4?${signed(policyWith(URL), { key: EC })}`
    const [one, two] = [link(), link()].map((target) => {
      const verified = new LinkVerifier([scheme], new KeyRing([EC])).verify(contextOf(target))
      return verified.outcome === 'granted' ? verified.grant.countKey : target
    })
    expect(one).toBe(two)
  })

  it('may be HEAD', () => {
    expect(ask(good, { method: 'HEAD' })).toBe('permit')
  })
})

describe('a link that is signed here', () => {
  const request = { path: '/files/a.mp4', expiresAt: EXPIRES, site: SITE }
  const detailOf = (path: string, constraints: Constraints): string => {
    const link = scheme.sign({ ...request, path, constraints }, RSA)
    return 'reason' in link ? link.detail : link.target
  }

  it('has a canned policy where that says all', () => {
    expect(detailOf('/files/a.mp4', {})).toMatch(/^\/files\/a\.mp4\?Expires=\d+&Key-Pair-Id=KRSA&/)
    expect(detailOf('/files/*', {})).toMatch(/^\/files\/\?Policy=/)
    expect(detailOf('/files/a.mp4', { nbf: NOW })).toMatch(/\?Policy=/)
  })

  it.each<[string, string, Constraints]>([
    ['path', '/files/a*.mp4', {}],
    ['path', '/files/a*', { nbf: 5 }],
    ['path', '/fi*es/*', {}],
    ['nbf', '/files/a', { nbf: 0 }],
    ...['192.0.2.1,192.0.2.3', '2001:db8::/32', '0.0.0.0/0'].map(
      (ip): [string, string, Constraints] => [
        'ip',
        '/files/a',
        { ip: ip.split(',').map((text) => parseNetwork(text)!) },
      ],
    ),
  ])('does not say %s of %s %o', (field, path, constraints) => {
    expect(detailOf(path, constraints)).toMatch(new RegExp(`^${field}: `))
  })

  it('says a range as CIDR', () => {
    const ip = [parseNetwork('192.0.2.0/24')!]
    const context = contextOf(detailOf('/files/a.mp4', { ip }))
    const verified = new LinkVerifier([scheme], new KeyRing([RSA])).verify(context)
    const constraints = verified.outcome === 'granted' ? verified.grant.constraints : {}
    expect(constraints.ip?.map(formatNetwork)).toEqual(['192.0.2.0/24'])
  })

  it('needs a private half', () => {
    const link = scheme.sign({ ...request, constraints: {} }, { ...RSA, signKey: undefined })
    expect(link).toMatchObject({ reason: 'link_key_unknown' })
  })
})
