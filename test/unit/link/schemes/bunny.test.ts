import { createHash, createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseNetwork } from '../../../../src/base/address.ts'
import type { AccessRule } from '../../../../src/link/access-rule.ts'
import type { Constraints } from '../../../../src/link/constraints.ts'
import type { Scheme } from '../../../../src/link/scheme.ts'
import { bunny } from '../../../../src/link/schemes/bunny.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { schemeWith, textKey, verdictOf } from '../../../support/link-verdict.ts'
import { type ContextParts, NOW, SITE } from '../../../support/request-parts.ts'

const SECRET = 'a zone key'
const KEY = textKey('bunny', SECRET)
const OLDER = textKey('bunny', 'the key before', 'older')
const PATH = '/files/a.mp4'
const E = NOW + 60
const ALL = ['hs256', 'sha256', 'md5']

const of = (options: object = {}): Scheme => schemeWith(bunny, { accept: ALL, ...options })

const verdict = (scheme: Scheme, url: string, parts: ContextParts = {}): string =>
  verdictOf(scheme, [KEY, OLDER], url, parts).verdict

/** Tokens by the vendor's formulas, from path, expiry, address and parameters written in a row. */
const hs256 = (message: string, lock = ''): string =>
  `HS256-${lock}${createHmac('sha256', SECRET).update(message, 'latin1').digest('base64url')}`
const plain = (name: string, message: string): string =>
  createHash(name)
    .update(SECRET + message, 'latin1')
    .digest('base64url')

const DE_ONLY: AccessRule[] = [
  { type: 'ip.geoip.country', action: 'allow', country: ['DE'] },
  { type: 'any', action: 'block' },
]

for (const [what, options] of Object.entries({
  'bunny hs256': {},
  'bunny hs256 in the path': { links: 'path' },
  'bunny sha256': { accept: ['sha256'], links: 'path' },
  'bunny sha256 for an address': { accept: ['sha256'], ipBound: true },
  'bunny md5': { accept: ['md5'] },
  'bunny md5 for an address': { accept: ['md5'], ipBound: true, links: 'path' },
})) {
  linkFormatContract(what, () => ({
    scheme: of(options),
    keys: [KEY, OLDER],
    narrow({ ip, rate, accessRules, ...rest }: Constraints): Constraints {
      const isBound = 'ipBound' in options
      const network = parseNetwork('192.0.2.1')
      return {
        ...rest,
        ...((ip || isBound) && network && { ip: [network] }),
        ...(rate !== undefined && { rate: Math.ceil(rate / 1000) * 1000 }),
        ...(accessRules && { accessRules: DE_ONLY }),
      }
    },
  }))
}

describe('the newest form', () => {
  const link = `${PATH}?token=${hs256(PATH + E)}&expires=${E}`

  it('opens its path until its second', () => {
    expect(verdict(of(), link)).toBe('permit')
    expect(verdict(of(), link, { method: 'HEAD', now: E - 1 })).toBe('permit')
    expect(verdict(of(), link, { now: E })).toBe('link_expired')
    expect(verdict(of(), link.replace('/a.mp4', '/b.mp4'))).toBe('link_signature_wrong')
  })

  it('is the only one that is accepted by default', () => {
    const scheme = schemeWith(bunny)
    expect(verdict(scheme, link)).toBe('permit')
    for (const name of ['sha256', 'md5']) {
      const old = `${PATH}?token=${plain(name, PATH + E)}&expires=${E}`
      expect(verdict(of(), old)).toBe('permit')
      expect(verdict(scheme, old)).toBe('link_malformed')
    }
  })

  it.each([
    ['lower case', (token: string) => token.replace('HS', 'hs')],
    ['too much padding', (token: string) => `${token}==`],
    ['a shortened digest', (token: string) => token.slice(0, -1)],
    ['the digest alone', (token: string) => token.slice('HS256-'.length)],
    ['the lock of an address', (token: string) => token.replace('-', '-1-')],
    ['another digest', () => hs256(`${PATH}${E}x`)],
    ['nothing', () => ''],
  ])('with %s is refused', (_what, change) => {
    const changed = link.replace(/HS256-[^&]*/, change)
    expect(verdict(of(), changed)).toMatch(/^link_(?:malformed|signature_wrong)$/)
  })

  it('may keep the padding of its digest, in every form', () => {
    const client = { client: '192.0.2.1' }
    const locked = hs256(`${PATH}${E}\xc0\x00\x02\x01`, '1-')
    expect(verdict(of(), `${PATH}?token=${locked}=&expires=${E}`, client)).toBe('permit')
    expect(verdict(of(), `${PATH}?token=${hs256(PATH + E)}=&expires=${E}`)).toBe('permit')
    expect(verdict(of(), `${PATH}?token=${plain('sha256', PATH + E)}=&expires=${E}`)).toBe('permit')
    expect(verdict(of(), `${PATH}?token=${plain('md5', PATH + E)}==&expires=${E}`)).toBe('permit')
  })

  it('may begin with what looks like a lock', () => {
    let at = E
    while (!hs256(PATH + at).startsWith('HS256-1-')) at++
    expect(verdict(of(), `${PATH}?token=${hs256(PATH + at)}&expires=${at}`)).toBe('permit')
  })

  it.each(['', '0', '-1', '1e9', `0${E}`, `${E}000`, '99999999999'])(
    'expires=%s is refused',
    (at) => {
      expect(verdict(of(), `${PATH}?token=${hs256(PATH + at)}&expires=${at}`)).toMatch(
        /^link_(?:malformed|expired)$/,
      )
    },
  )

  it('signs an encoded path as it is sent, or decoded as some samples do', () => {
    const path = '/files/a%20b.mp4'
    for (const signed of [path, '/files/a b.mp4']) {
      expect(verdict(of(), `${path}?token=${hs256(signed + E)}&expires=${E}`)).toBe('permit')
    }
  })

  it('without expires or token is no link or a broken one', () => {
    expect(verdict(of(), `${PATH}?token=${hs256(PATH + E)}`)).toBe('link_malformed')
    expect(verdict(of(), `${PATH}?expires=${E}`)).toBe('link_missing')
    expect(verdict(of(), `${PATH}?token=abc`)).toBe('link_missing')
  })

  it.each([`&token=${hs256(PATH + E)}`, `&expires=${E}`, '&bcdn_token=x'])(
    'with %s added is refused',
    (more) => {
      expect(verdict(of(), link + more)).toMatch(/^link_(?:malformed|ambiguous)$/)
    },
  )
})

describe('parameters', () => {
  const ask = (query: string, signed: string, parts: ContextParts = {}): string =>
    verdict(of(), `${PATH}?token=${hs256(PATH + E + signed)}&${query}&expires=${E}`, parts)

  it('are signed decoded, sorted by name', () => {
    expect(ask('b=%26%20%C3%BC&a=x+y&B=', 'B=&a=x y&b=& \xc3\xbc')).toBe('permit')
    expect(ask('a=1', '')).toBe('link_signature_wrong')
    expect(ask('a=2', 'a=1')).toBe('link_signature_wrong')
    expect(ask('a=1&a=1', 'a=1&a=1')).toBe('link_malformed')
    expect(ask('a=%zz', 'a=%zz')).toBe('link_malformed')
  })

  it('are free with token_ignore_params=true, which is signed itself', () => {
    expect(ask('x=1&token_ignore_params=true&x=2', 'token_ignore_params=true')).toBe('permit')
    expect(ask('token_ignore_params=true', '')).toBe('link_signature_wrong')
    expect(ask('x=1&token_ignore_params=false', 'token_ignore_params=false')).toBe(
      'link_signature_wrong',
    )
  })

  it.each([
    ['one parameter that was two', 'a=1%26token_countries%3DDE', 'a=1&token_countries=DE'],
    ['a limit hidden in a value', 'a=1%26limit%3D5', 'a=1&limit=5'],
    ['two parameters that were one', 'a%3D1%26b=2', 'a=1&b=2'],
    ['an address hidden in a name', 'ABCDtoken_countries=DE', 'ABCDtoken_countries=DE'],
    ['the bytes of an address', '%01%02%03%04a=1', '\x01\x02\x03\x04a=1'],
  ])('%s are refused, although the signature holds', (_what, query, signed) => {
    expect(ask(query, signed)).toBe('link_malformed')
  })

  it('name countries, in upper case', () => {
    const allow = ['token_countries=DE%2CFR', 'token_countries=DE,FR'] as const
    expect(ask(...allow, { country: 'FR' })).toBe('permit')
    expect(ask(...allow, { country: 'US' })).toBe('country_not_allowed')
    expect(ask(...allow)).toBe('country_not_allowed')
    const block = ['token_countries_blocked=US', 'token_countries_blocked=US'] as const
    expect(ask(...block, { country: 'DE' })).toBe('permit')
    expect(ask(...block, { country: 'US' })).toBe('country_not_allowed')
    expect(ask(...block)).toBe('country_not_allowed')
    expect(ask('token_countries=de', 'token_countries=de', { country: 'DE' })).toBe(
      'link_malformed',
    )
    expect(ask('token_countries=', 'token_countries=')).toBe('link_malformed')
    const encoded = ['token%5Fcountries=DE', 'token_countries=DE'] as const
    expect(ask(...encoded, { country: 'US' })).toBe('country_not_allowed')
  })

  it('limit the speed in kB/s', () => {
    const rateOf = (limit: string): number | undefined => {
      const token = hs256(`${PATH}${E}limit=${limit}`)
      const url = `${PATH}?token=${token}&limit=${limit}&expires=${E}`
      return verdictOf(of(), [KEY], url).grant?.constraints.rate
    }
    expect(rateOf('500')).toBe(500_000)
    for (const limit of ['0', '-1', '1.5', 'fast', '']) expect(rateOf(limit)).toBeUndefined()
    expect(ask('limit=0', 'limit=0')).toBe('link_malformed')
  })
})

describe('token_path', () => {
  const linkOf = (prefix: string, path: string): string => {
    const token = hs256(`${prefix}${E}token_path=${prefix}`)
    return `${path}?token=${token}&token_path=${encodeURIComponent(prefix)}&expires=${E}`
  }

  it.each([
    ['/files/', '/files/a.mp4', 'permit'],
    ['/files/', '/files/s/1.ts', 'permit'],
    ['/files', '/files2/a.mp4', 'permit'],
    ['/files/', '/other/a.mp4', 'link_resource_mismatch'],
    ['/files/a b/', '/files/a%20b/1.ts', 'permit'],
    ['/files/a%20b/', '/files/a%20b/1.ts', 'permit'],
    ['files/', '/files/a.mp4', 'link_malformed'],
    ['', '/files/a.mp4', 'link_malformed'],
  ])('%s, asked for %s: %s', (prefix, path, expected) => {
    expect(verdict(of(), linkOf(prefix, path))).toBe(expected)
  })

  it('is verified once for all that it opens', () => {
    const found = ['/files/a.mp4', '/files/b.mp4'].map((path) => {
      const { grant } = verdictOf(of(), [KEY], linkOf('/files/', path))
      return grant?.countKey
    })
    expect(found[0]).toBe(found[1])
  })
})

describe('a token in the path', () => {
  const link = `/bcdn_token=${hs256(PATH + E)}&expires=${E}${PATH}`

  it('opens the path behind it', () => {
    expect(verdict(of(), link)).toBe('permit')
    expect(verdict(of(), link.replace('/a.mp4', '/b.mp4'))).toBe('link_signature_wrong')
  })

  it.each([
    ['a signed parameter in the query', `${link}?x=1`, 'link_signature_wrong'],
    ['another token in the query', `${link}?token=${hs256(PATH + E)}`, 'link_ambiguous'],
    ['no expiry', link.replace(/&expires=\d+/, ''), 'link_malformed'],
    ['no token', link.replace(/HS256-[^&]*/, ''), 'link_malformed'],
  ])('with %s is refused', (_what, target, expected) => {
    expect(verdict(of(), target)).toBe(expected)
  })

  it('does not look into a hostile path behind it', () => {
    const scheme = of()
    expect(scheme.cutPath?.('/bcdn_token=x&expires=1/files/../a')).toBe('/files/../a')
    expect(scheme.cutPath?.('/bcdn_token=x')).toBeUndefined()
    expect(scheme.cutPath?.('/files/bcdn_token=x/a')).toBeUndefined()
  })
})

describe('a token for an address', () => {
  const link = `${PATH}?token=${hs256(`${PATH}${E}\xc0\x00\x02\x01`, '1-')}&expires=${E}`
  const prefix64 = '\x20\x01\x0d\xb8\x00\x00\x00\x01'.padEnd(16, '\0')
  const link6 = `${PATH}?token=${hs256(PATH + E + prefix64, '1-')}&expires=${E}`

  it('opens at that IPv4 address or in that IPv6 /64 alone', () => {
    expect(verdict(of(), link)).toBe('permit')
    expect(verdict(of(), link, { client: '::ffff:192.0.2.1' })).toBe('permit')
    expect(verdict(of(), link, { client: '192.0.2.2' })).toBe('link_signature_wrong')
    expect(verdict(of(), link, { client: undefined })).toBe('address_not_allowed')
    expect(verdict(of(), link6, { client: '2001:db8:0:1:2:3:4:5' })).toBe('permit')
    expect(verdict(of(), link6, { client: '2001:db8:0:2::1' })).toBe('link_signature_wrong')
  })

  it('cannot lose its lock', () => {
    expect(verdict(of(), link.replace('HS256-1-', 'HS256-'))).toBe('link_signature_wrong')
  })

  it.each(['sha256', 'md5'])('of the form %s holds it as text, where the route says so', (form) => {
    const bound = of({ ipBound: true })
    const ask = (address: string, parts: ContextParts, scheme = bound): string => {
      const token = plain(form, PATH + E + address)
      return verdict(scheme, `${PATH}?token=${token}&expires=${E}`, parts)
    }
    expect(ask('192.0.2.1', {})).toBe('permit')
    expect(ask('2001:db8::1', { client: '2001:db8:0::1' })).toBe('permit')
    expect(ask('192.0.2.1', { client: '192.0.2.2' })).toBe('link_signature_wrong')
    expect(ask('192.0.2.1', { client: undefined })).toBe('address_not_allowed')
    expect(ask('', {})).toBe('link_signature_wrong')
    expect(ask('192.0.2.1', {}, of())).toBe('link_signature_wrong')
  })

  it('is no token for an address that is one digit shorter', () => {
    const token = plain('sha256', `${PATH}${E}192.0.2.17x=1`)
    const url = `${PATH}?token=${token}&7x=1&expires=${E}`
    expect(verdict(of({ ipBound: true }), url)).toBe('link_malformed')
  })
})

describe('the older forms', () => {
  it('sha256 signs the decoded path and all parameters', () => {
    const token = plain('sha256', `/files/a b.mp4${E}a=1`)
    const url = `/files/a%20b.mp4?token=${token}&expires=${E}`
    expect(verdict(of(), `${url}&a=1`)).toBe('permit')
    expect(verdict(of(), `${url}&a=2`)).toBe('link_signature_wrong')
  })

  it('md5 signs neither parameters nor what would restrict the link', () => {
    const url = `${PATH}?token=${plain('md5', PATH + E)}&expires=${E}`
    expect(verdict(of(), `${url}&id=1&id=2&x=%zz`)).toBe('permit')
    expect(verdict(of(), `${url}&x=1`)).toBe('permit')
    expect(verdict(of(), `${url}&token_path=%2F`)).toBe('link_malformed')
    expect(verdict(of(), `${url}&token_countries=DE`, { country: 'DE' })).toBe('link_malformed')
  })
})

describe('minting', () => {
  const mint = (constraints: Constraints, options: object = {}): unknown =>
    of(options).sign({ path: PATH, expiresAt: E, constraints, site: SITE }, KEY)
  const at = (...texts: string[]): Constraints => ({
    ip: texts.flatMap((text) => parseNetwork(text) ?? []),
  })

  it.each([
    ['a rate that is no whole kB/s', { rate: 1500 }, {}, /^rate: /],
    ['two addresses', at('192.0.2.1', '192.0.2.2'), {}, /^ip: /],
    ['an IPv4 network', at('192.0.2.0/24'), {}, /^ip: /],
    ['one IPv6 address', at('2001:db8::1'), {}, /^ip: /],
    ['an IPv6 /64 as text', at('2001:db8::/64'), { accept: ['sha256'], ipBound: true }, /^ip: /],
    ['no address where one is hashed', {}, { accept: ['md5'], ipBound: true }, /^ip: /],
    [
      'rules about networks',
      { accessRules: [{ type: 'any', action: 'allow' }] },
      {},
      /^accessRules: /,
    ],
  ] as const)('refuses %s', (_what, constraints, options, detail) => {
    expect(mint(constraints as Constraints, options)).toEqual({
      reason: 'link_constraint_unsupported',
      detail: expect.stringMatching(detail),
    })
  })

  it('says only what its first form can', () => {
    expect([...of().expresses]).toEqual(['ip', 'rate', 'accessRules'])
    expect([...of({ accept: ['sha256'] }).expresses]).toEqual(['rate', 'accessRules'])
    expect([...of({ accept: ['md5'], ipBound: true }).expresses]).toEqual(['ip'])
    expect(of({ accept: ['md5'] }).signsPrefixes).toBe(false)
  })

  it('writes the link as the vendor does', () => {
    const token = hs256(`${PATH}${E}limit=5&token_countries=DE&token_countries_blocked=US`)
    const rules: AccessRule[] = [
      { type: 'ip.geoip.country', action: 'block', country: ['US'] },
      ...DE_ONLY,
    ]
    expect(mint({ rate: 5000, accessRules: rules })).toEqual({
      target: `${PATH}?token=${token}&limit=5&token_countries=DE&token_countries_blocked=US&expires=${E}`,
    })
  })
})
