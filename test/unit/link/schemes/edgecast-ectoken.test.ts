import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseNetwork } from '../../../../src/base/address.ts'
import type { Constraints } from '../../../../src/link/constraints.ts'
import type { Scheme } from '../../../../src/link/scheme.ts'
import { edgecastEctoken } from '../../../../src/link/schemes/edgecast-ectoken.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { schemeWith, textKey, verdictOf } from '../../../support/link-verdict.ts'
import { type ContextParts, NOW, SITE } from '../../../support/request-parts.ts'

const SECRET = 'primary key'
const KEY = textKey('edgecast-ectoken', SECRET)
const BACKUP = textKey('edgecast-ectoken', 'backup key', 'backup')
const PATH = '/files/a.mp4'
const E = NOW + 60
const SCHEME = schemeWith(edgecastEctoken)

/** A token by the vendor's formula. */
function tokenOf(plaintext: string, secret = SECRET): string {
  const iv = randomBytes(12)
  const key = createHash('sha256').update(secret).digest()
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([iv, sealed, cipher.getAuthTag()]).toString('base64url')
}

const verdict = (url: string, parts: ContextParts = {}, scheme: Scheme = SCHEME): string =>
  verdictOf(scheme, [KEY, BACKUP], url, parts).verdict

/** The verdict on a link that says this besides its expiry. */
const ask = (fields: string, parts: ContextParts = {}, path = PATH): string =>
  verdict(`${path}?${tokenOf(`ec_expire=${E}&${fields}`)}`, parts)

linkFormatContract('edgecast-ectoken', () => ({
  scheme: SCHEME,
  keys: [KEY, BACKUP],
  narrow: ({ ip, accessRules, ...rest }: Constraints): Constraints => ({
    ...rest,
    ...(ip && { ip: ip.slice(0, 1) }),
    ...(accessRules && {
      accessRules: [{ type: 'ip.geoip.country', action: 'block', country: ['US', 'FR'] }],
    }),
  }),
}))

describe('the token', () => {
  const token = tokenOf(`ec_expire=${E}`)

  it('is the first parameter; what follows is free', () => {
    expect(verdict(`${PATH}?${token}`)).toBe('permit')
    expect(verdict(`${PATH}?${token}&x=1`)).toBe('permit')
    expect(verdict(`${PATH}?${token}`, { method: 'HEAD' })).toBe('permit')
    expect(verdict(`${PATH}?x=1&${token}`)).toBe('link_missing')
    expect(verdict(`${PATH}?token=${token}`)).toBe('link_missing')
    expect(verdict(`${PATH}?${token}&${token}`)).toBe('link_ambiguous')
  })

  it.each([
    ['shortened', token.slice(0, -4), 'link_signature_wrong'],
    [
      'with a letter changed',
      `${token.startsWith('A') ? 'B' : 'A'}${token.slice(1)}`,
      'link_signature_wrong',
    ],
    ['by an unknown key', tokenOf(`ec_expire=${E}`, 'x'), 'link_signature_wrong'],
    ['too short to hold anything', token.slice(0, 30), 'link_missing'],
    ['with too much padding', `${token}===`, 'link_missing'],
    ['longer than 8192 bytes', tokenOf(`ec_expire=${E}&x=${'x'.repeat(8192)}`), 'link_malformed'],
    ['that says nothing', tokenOf('x'), 'link_malformed'],
  ])('%s is refused', (_what, changed, expected) => {
    expect(verdict(`${PATH}?${changed}`)).toBe(expected)
  })

  it('may be padded, and is the same link then', () => {
    const bare = tokenOf(`ec_expire=${E}&x=1`)
    const links = [bare, bare.padEnd(Math.ceil(bare.length / 4) * 4, '=')].map((one) =>
      verdictOf(SCHEME, [KEY], `${PATH}?${one}`),
    )
    expect(links[1]?.verdict).toBe('permit')
    expect(links[1]?.grant?.linkId).toBe(links[0]?.grant?.linkId)
    expect(verdict(`${PATH}?${bare}&${bare}==`)).toBe('link_ambiguous')
  })

  it('by the backup key is taken', () => {
    expect(verdict(`${PATH}?${tokenOf(`ec_expire=${E}`, 'backup key')}`)).toBe('permit')
  })

  it('of the same fields names another link each time', () => {
    const ids = [token, tokenOf(`ec_expire=${E}`)].map(
      (one) => verdictOf(SCHEME, [KEY], `${PATH}?${one}`).grant?.linkId,
    )
    expect(ids[0]).not.toBe(ids[1])
  })
})

describe('ec_expire', () => {
  it('ends the link in its second', () => {
    const link = `${PATH}?${tokenOf(`ec_expire=${E}`)}`
    expect(verdict(link, { now: E - 1 })).toBe('permit')
    expect(verdict(link, { now: E })).toBe('link_expired')
  })

  it('may be missing only where the route says so', () => {
    const link = `${PATH}?${tokenOf('ec_url_allow=/files/')}`
    expect(verdict(link)).toBe('link_lifetime_exceeded')
    expect(verdict(link, {}, schemeWith(edgecastEctoken, { allowUnlimited: true }))).toBe('permit')
  })

  it.each(['', '-1', '1e9', `${E}000`, `${E}.0`, ' 1'])('of "%s" is refused', (value) => {
    expect(verdict(`${PATH}?${tokenOf(`ec_expire=${value}`)}`)).toBe('link_malformed')
  })
})

describe('fields', () => {
  it.each([
    ['unknown ones of the vendor', 'ec_unknown=1', 'link_malformed'],
    ['one twice', `ec_expire=${E}`, 'link_malformed'],
    ['one without a value', 'ec_clientip', 'link_malformed'],
    ['none behind the last ampersand', '', 'link_malformed'],
    ['an application field', 'user=42', 'permit'],
  ])('%s: %s', (_what, fields, expected) => {
    expect(ask(fields)).toBe(expected)
  })

  it.each([
    ['192.0.2.1', '192.0.2.1', 'permit'],
    ['192.0.2.0/24', '192.0.2.77', 'permit'],
    ['192.0.2.0/24', '192.0.3.1', 'address_not_allowed'],
    ['2001:db8::/32', '2001:db8::7', 'permit'],
    ['198.51.100.1,192.0.2.1', '192.0.2.1', 'permit'],
    ['198.51.100.1,192.0.2.1', '192.0.2.2', 'address_not_allowed'],
    ['192.0.2.1,', '192.0.2.1', 'link_malformed'],
    ['192.0.2.1', undefined, 'address_not_allowed'],
    ['192.0.2', '192.0.2.1', 'link_malformed'],
    ['', '192.0.2.1', 'link_malformed'],
  ])('ec_clientip=%s for %s: %s', (value, client, expected) => {
    expect(ask(`ec_clientip=${value}`, { client })).toBe(expected)
  })

  it.each([
    ['ec_country_allow=DE,FR', 'FR', 'permit'],
    ['ec_country_allow=DE,FR', 'US', 'country_not_allowed'],
    ['ec_country_allow=DE,FR', undefined, 'country_not_allowed'],
    ['ec_country_deny=US', 'DE', 'permit'],
    ['ec_country_deny=US', 'US', 'country_not_allowed'],
    ['ec_country_deny=US', undefined, 'country_not_allowed'],
    ['ec_country_allow=DE&ec_country_deny=DE', 'DE', 'country_not_allowed'],
    ['ec_country_deny=usa', 'DE', 'link_malformed'],
  ])('%s from %s: %s', (fields, country, expected) => {
    expect(ask(fields, country === undefined ? {} : { country })).toBe(expected)
  })

  it.each([
    ['/files', '/files2/a.mp4', 'permit'],
    ['/other/,/files/', PATH, 'permit'],
    ['/files/b', PATH, 'link_resource_mismatch'],
    ['/FILES/', PATH, 'link_resource_mismatch'],
    ['/files/a%20b/', '/files/a%20b/c.ts', 'permit'],
    ['/files/a b/', '/files/a%20b/c.ts', 'permit'],
    ['/files/,', PATH, 'link_malformed'],
    ['files/', PATH, 'link_malformed'],
  ])('ec_url_allow=%s, asked for %s: %s', (prefixes, path, expected) => {
    expect(ask(`ec_url_allow=${prefixes}`, {}, path)).toBe(expected)
  })

  it.each([
    ['ec_proto_allow=https', 'permit'],
    ['ec_proto_allow=http,https', 'permit'],
    ['ec_proto_allow=http', 'link_resource_mismatch'],
    ['ec_proto_deny=http', 'permit'],
    ['ec_proto_deny=https', 'link_resource_mismatch'],
    ['ec_proto_allow=HTTPS', 'link_malformed'],
    ['ec_host_allow=cdn.example', 'permit'],
    ['ec_host_allow=*.example', 'permit'],
    ['ec_host_allow=example', 'link_resource_mismatch'],
    ['ec_host_deny=other.example,cdn.example', 'link_resource_mismatch'],
    ['ec_host_allow=', 'link_malformed'],
  ])('%s, asked by https of cdn.example: %s', (fields, expected) => {
    expect(ask(fields)).toBe(expected)
  })
})

describe('the referrer', () => {
  const page = 'https://Site.example:8443/news/today'

  it.each([
    ['ec_ref_allow=site.example', page, 'permit'],
    ['ec_ref_allow=site.example/news', page, 'permit'],
    ['ec_ref_allow=site.example/sport', page, 'referrer_not_allowed'],
    ['ec_ref_allow=https://site.example/news', page, 'permit'],
    ['ec_ref_deny=http://site.example', page, 'referrer_not_allowed'],
    ['ec_ref_allow=site.example:8443', page, 'permit'],
    ['ec_ref_allow=site.example:443', page, 'referrer_not_allowed'],
    ['ec_ref_allow=*.example', page, 'permit'],
    ['ec_ref_allow=site.example', 'https://site.example.evil.test/', 'referrer_not_allowed'],
    ['ec_ref_allow=site.example', 'https://site.example@evil.test/', 'referrer_not_allowed'],
    [
      'ec_ref_allow=site.example',
      'https://evil.test/?https://site.example/',
      'referrer_not_allowed',
    ],
    ['ec_ref_allow=*.site.example', 'https://evil.test/www.site.example', 'referrer_not_allowed'],
    ['ec_ref_allow=site.example', undefined, 'referrer_not_allowed'],
    ['ec_ref_allow=site.example,Missing', undefined, 'permit'],
    ['ec_ref_allow=site.example,', undefined, 'permit'],
    ['ec_ref_allow=site.example,', 'https://evil.test/', 'referrer_not_allowed'],
    ['ec_ref_deny=site.example', page, 'referrer_not_allowed'],
    ['ec_ref_deny=site.example', 'https://evil.test/', 'permit'],
    ['ec_ref_deny=site.example', undefined, 'permit'],
    ['ec_ref_deny=site.example,MISSING', undefined, 'referrer_not_allowed'],
    ['ec_ref_deny=', '', 'referrer_not_allowed'],
  ])('%s from %s: %s', (fields, referer, expected) => {
    expect(ask(fields, referer === undefined ? {} : { headers: { referer } })).toBe(expected)
  })
})

describe('minting', () => {
  const mint = (constraints: Constraints, path = PATH): unknown =>
    SCHEME.sign({ path, expiresAt: E, constraints, site: SITE }, KEY)

  it.each([
    [
      'two networks',
      { ip: ['192.0.2.1', '192.0.2.2'].flatMap((ip) => parseNetwork(ip) ?? []) },
      PATH,
      /^ip: /,
    ],
    [
      'rules about all',
      { accessRules: [{ type: 'any', action: 'block' }] },
      PATH,
      /^accessRules: /,
    ],
    ['a path with a comma', {}, '/files/a,b', /^path: /],
    ['a path with an ampersand', {}, '/files/a&b', /^path: /],
  ] as const)('refuses %s', (_what, constraints, path, detail) => {
    expect(mint(constraints as Constraints, path)).toEqual({
      reason: 'link_constraint_unsupported',
      detail: expect.stringMatching(detail),
    })
  })

  it('uses a new initialisation vector each time', () => {
    expect(mint({})).not.toEqual(mint({}))
  })
})
