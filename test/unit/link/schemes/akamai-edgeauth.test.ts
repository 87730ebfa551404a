import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseNetwork } from '../../../../src/base/address.ts'
import type { Constraints } from '../../../../src/link/constraints.ts'
import type { Scheme } from '../../../../src/link/scheme.ts'
import { akamaiEdgeAuth } from '../../../../src/link/schemes/akamai-edgeauth.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { schemeWith, textKey, verdictOf } from '../../../support/link-verdict.ts'
import { type ContextParts, NOW, SITE } from '../../../support/request-parts.ts'

const SECRET = 'sixteen letters!'
const KEY = textKey('akamai-edgeauth', SECRET)
const OLDER = textKey('akamai-edgeauth', 'the transition key', 'older')
const PATH = '/files/a%20b.mp4'
const E = NOW + 60

const of = (options: object = {}): Scheme =>
  schemeWith(akamaiEdgeAuth, { tokenName: 'hdnts', ...options })

/** A token by the vendor's formula: fields, and what is hashed but not sent. */
function tokenOf(fields: string, hashed = '', algorithm = 'sha256', secret = SECRET): string {
  const mac = createHmac(algorithm, secret)
    .update(fields + hashed, 'latin1')
    .digest('hex')
  return `${fields}~hmac=${mac}`
}

const verdict = (scheme: Scheme, url: string, parts: ContextParts = {}): string =>
  verdictOf(scheme, [KEY, OLDER], url, parts).verdict

const acl = (list: string, more = ''): string => tokenOf(`exp=${E}~acl=${list}${more}`)

for (const [what, options] of Object.entries({
  'akamai-edgeauth in the query': {},
  'akamai-edgeauth with escapes': { escapeEarly: true, salt: 'pepper' },
  'akamai-edgeauth of Cloudinary': {
    tokenName: '__cld_token__',
    escapeEarly: true,
    aclEscaped: true,
  },
  'akamai-edgeauth in a cookie': { location: 'cookie', algorithm: 'sha1' },
  'akamai-edgeauth in a header': { location: 'header', algorithm: 'md5', fieldDelimiter: '|' },
  'akamai-edgeauth with queries': { ignoreQuery: false },
})) {
  linkFormatContract(what, () => ({
    scheme: of(options),
    keys: [KEY, OLDER],
    narrow({ ip, jti, ...rest }: Constraints): Constraints {
      const single = ip?.find(({ first, prefix }) => prefix === (first.family === 4 ? 32 : 128))
      const isPlain = jti !== undefined && /^[\w.-]*$/.test(jti)
      return { ...rest, ...(single && { ip: [single] }), ...(isPlain && { jti }) }
    },
  }))
}

describe('a token for one URL', () => {
  const link = `${PATH}?hdnts=${tokenOf(`exp=${E}`, `~url=${PATH}`)}`

  it('opens that URL, whatever else the query holds', () => {
    expect(verdict(of(), link)).toBe('permit')
    expect(verdict(of(), `${link}&x=1`)).toBe('permit')
    expect(verdict(of(), link, { method: 'HEAD' })).toBe('permit')
  })

  it('opens no other, nor the same in another encoding', () => {
    expect(verdict(of(), link.replace('.mp4', '.mp5'))).toBe('link_signature_wrong')
    expect(verdict(of(), link.replace('a%20b', '%61%20b'))).toBe('link_signature_wrong')
  })

  it('binds the query where that is not ignored', () => {
    const scheme = of({ ignoreQuery: false })
    const token = tokenOf(`exp=${E}`, `~url=${PATH}?x=1&y=2`)
    expect(verdict(scheme, `${PATH}?x=1&hdnts=${token}&y=2`)).toBe('permit')
    expect(verdict(scheme, `${PATH}?x=1&hdnts=${token}&y=3`)).toBe('link_signature_wrong')
    expect(verdict(scheme, link)).toBe('permit')
    expect(verdict(scheme, `${link}&x=1`)).toBe('link_signature_wrong')
  })

  it.each([
    ['the library for Node', '%2ffiles%2fa%20b%27(1)%2a%7e%2b.mp4'],
    ['the library for Python', '%2ffiles%2fa+b%27%281%29%2a~%2b.mp4'],
    ["Cloudinary's", '%2ffiles%2fa%20b%27(1)*%7e+.mp4'],
    ['one that escapes the encoded path', '%2ffiles%2fa%2520b%27(1)%2a%7e%2b.mp4'],
  ])('is hashed as %s escapes it', (_who, url) => {
    const token = tokenOf(`exp=${E}`, `~url=${url}`)
    const target = `/files/a%20b'(1)*~+.mp4?hdnts=${token}`
    expect(verdict(of({ escapeEarly: true }), target)).toBe('permit')
    expect(verdict(of(), target)).toBe('link_signature_wrong')
  })
})

describe('an access list', () => {
  it.each([
    ['/files/*', '/files/a.mp4', 'permit'],
    ['/files/*', '/files/s1/e2/a.mp4', 'permit'],
    ['/files/*', '/other/a.mp4', 'link_resource_mismatch'],
    ['/files/a.mp4', '/files/a.mp4', 'permit'],
    ['/files/a.mp4', '/files/a.mp45', 'link_resource_mismatch'],
    ['/files/?.ts', '/files/%61.ts', 'permit'],
    ['/files/???.ts', '/files/%61.ts', 'link_resource_mismatch'],
    ['/files/a%20b/*', '/files/a%20b/c.ts', 'permit'],
    ['/other/*!/files/?.ts', '/files/a.ts', 'permit'],
    ['/other/*!/files/?.ts', '/files/ab.ts', 'link_resource_mismatch'],
    ['/FILES/*', '/files/a.mp4', 'link_resource_mismatch'],
    ['*', '/files/a.mp4', 'permit'],
    ['', '/files/a.mp4', 'link_malformed'],
    ['/files/*!', '/files/a.mp4', 'link_malformed'],
    [Array(16).fill('/files/*').join('!'), '/files/a.mp4', 'permit'],
    [Array(17).fill('/files/*').join('!'), '/files/a.mp4', 'link_malformed'],
  ])('%s, asked for %s: %s', (list, path, expected) => {
    expect(verdict(of(), `${path}?hdnts=${acl(list)}`)).toBe(expected)
  })

  it('is matched against the query as well where that counts, by patterns of its own', () => {
    const scheme = of({ ignoreQuery: false })
    const ask = (list: string, query: string): string =>
      verdict(scheme, `/files/a.txt?${query}hdnts=${acl(list)}`)
    expect(ask('/files/*', 'x=1&')).toBe('permit')
    expect(ask('/files/a.txt', 'x=1&')).toBe('link_resource_mismatch')
    expect(ask('/files/a.txt?x=*', 'x=1&')).toBe('permit')
    expect(ask('/files/a.txt?x=2', 'x=1&')).toBe('link_resource_mismatch')
    expect(ask('/files/*.md', '.md&')).toBe('link_resource_mismatch')
  })

  it('is unescaped before it is matched where signers escape it', () => {
    const target = `/files/a%20b/c.mp4?hdnts=${acl('%2ffiles%2fa%20b%2f*%21%2fx')}`
    expect(verdict(of({ aclEscaped: true }), target)).toBe('permit')
    expect(verdict(of(), target)).toBe('link_resource_mismatch')
    expect(verdict(of({ aclEscaped: true }), `${PATH}?hdnts=${acl('%2ffiles%2')}`)).toBe(
      'link_malformed',
    )
  })

  it('may have another delimiter', () => {
    const target = `${PATH}?hdnts=${acl('/x|/files/*')}`
    expect(verdict(of({ aclDelimiter: '|' }), target)).toBe('permit')
  })
})

describe('the fields of a token', () => {
  const ask = (fields: string, parts: ContextParts = {}, options: object = {}): string =>
    verdict(of(options), `${PATH}?hdnts=${tokenOf(fields)}`, parts)

  it.each([
    ['no exp', 'acl=/*'],
    ['an empty exp', 'exp=~acl=/*'],
    ['a negative exp', 'exp=-1~acl=/*'],
    ['an exp with a fraction', `exp=${E}.5~acl=/*`],
    ['an exp in milliseconds', `exp=${E}000~acl=/*`],
    ['a st that is no number', `st=now~exp=${E}~acl=/*`],
    ['an ip that is none', `ip=all~exp=${E}~acl=/*`],
    ['an ip that is a network', `ip=192.0.2.0/24~exp=${E}~acl=/*`],
    ['an unknown field', `exp=${E}~acl=/*~max=1`],
    ['a field without a value', `exp=${E}~acl=/*~id`],
    ['a field twice', `exp=${E}~exp=${E}~acl=/*`],
    ['the url, which is never sent', `exp=${E}~url=${PATH}`],
    ['two hmacs', `exp=${E}~acl=/*~hmac=00`],
  ])('%s is refused', (_what, fields) => {
    expect(ask(fields)).toBe('link_malformed')
  })

  it('a token ends in its second, and begins in its second', () => {
    expect(ask(`exp=${E}~acl=/*`, { now: E - 1 })).toBe('permit')
    expect(ask(`exp=${E}~acl=/*`, { now: E })).toBe('link_expired')
    const windowed = `st=${NOW}~exp=${E}~acl=/*`
    expect(ask(windowed, { now: NOW - 1 })).toBe('link_not_yet_valid')
    expect(ask(windowed, { now: NOW })).toBe('permit')
  })

  it('an address is compared as an address', () => {
    expect(ask(`ip=192.0.2.1~exp=${E}~acl=/*`, { client: '::ffff:192.0.2.1' })).toBe('permit')
    expect(ask(`ip=192.0.2.1~exp=${E}~acl=/*`, { client: '192.0.2.2' })).toBe('address_not_allowed')
    expect(ask(`ip=192.0.2.1~exp=${E}~acl=/*`, { client: undefined })).toBe('address_not_allowed')
    const escaped = `ip=2001%3adb8%3a0%3a%3a1~exp=${E}~acl=/*`
    expect(ask(escaped, { client: '2001:db8::1' }, { escapeEarly: true })).toBe('permit')
  })

  it('the session id names the link in records, and tokens of one session are counted apart', () => {
    const grants = ['/a*', '/files/*'].map(
      (list) => verdictOf(of(), [KEY], `${PATH}?hdnts=${acl(list, '~id=s-1')}`).grant,
    )
    expect(grants.map((grant) => grant?.linkId)).toEqual(['s-1', 's-1'])
    expect(grants[0]?.countKey).not.toBe(grants[1]?.countKey)
  })
})

describe('the hmac', () => {
  const good = acl('/*')

  it.each([
    ['in upper case', good.replace(/[0-9a-f]+$/, (hex) => hex.toUpperCase()), 'link_malformed'],
    ['cut short', good.slice(0, -2), 'link_signature_wrong'],
    ['of half a byte less', good.slice(0, -1), 'link_malformed'],
    ['empty', good.replace(/[0-9a-f]+$/, ''), 'link_malformed'],
    ['not at the end', `${good}~data=x`, 'link_malformed'],
    ['absent', `exp=${E}~acl=/*`, 'link_malformed'],
    [
      'by a key that is not held',
      tokenOf(`exp=${E}~acl=/*`, '', 'sha256', 'x'),
      'link_signature_wrong',
    ],
    ['by another digest', tokenOf(`exp=${E}~acl=/*`, '', 'sha1'), 'link_signature_wrong'],
  ])('%s is refused', (_what, token, expected) => {
    expect(verdict(of(), `${PATH}?hdnts=${token}`)).toBe(expected)
  })

  it('by the transition key is taken', () => {
    const token = tokenOf(`exp=${E}~acl=/*`, '', 'sha256', 'the transition key')
    expect(verdict(of(), `${PATH}?hdnts=${token}`)).toBe('permit')
  })

  it('holds the salt last, and never shows it', () => {
    const scheme = of({ salt: 'pepper' })
    const target = `${PATH}?hdnts=${tokenOf(`exp=${E}`, `~url=${PATH}~salt=pepper`)}`
    expect(verdict(scheme, target)).toBe('permit')
    expect(verdict(of(), target)).toBe('link_signature_wrong')
    const carrier = { place: 'query' as const, text: `${target.split('hdnts=')[1]}\n${PATH}` }
    expect(scheme.canonicalText(carrier, {} as never)).toBe(`exp=${E}~url=${PATH}~salt=…`)
  })
})

describe('the carrier', () => {
  const token = acl('/*')

  it('may be percent-encoded as a whole by the player, once', () => {
    const encoded = encodeURIComponent(token)
    expect(verdict(of(), `${PATH}?hdnts=${encoded}`)).toBe('permit')
    expect(verdict(of(), `${PATH}?hdnts=${encodeURIComponent(encoded)}`)).toBe('link_malformed')
    const single = encodeURIComponent(tokenOf(`exp=${E}`, `~url=${PATH}`))
    expect(verdict(of(), `${PATH}?hdnts=${single}`)).toBe('permit')
    expect(verdict(of(), `${PATH}?hdnts=${token}%zz`)).toBe('link_malformed')
  })

  it.each([
    ['twice', `${PATH}?hdnts=${token}&hdnts=${token}`, {}],
    ['in query and cookie', `${PATH}?hdnts=${token}`, { cookie: `hdnts=${token}` }],
    ['in query and header', `${PATH}?hdnts=${token}`, { hdnts: token }],
    ['twice in the cookies', PATH, { cookie: `hdnts=${token}; hdnts=${token}` }],
  ])('%s is refused', (_what, url, headers) => {
    expect(verdict(of(), url, { headers })).toBe('link_ambiguous')
    expect(verdict(of({ location: 'query' }), url, { headers })).toBe('link_ambiguous')
  })

  it('stands where the route expects it', () => {
    const header = { headers: { HDNTS: token } }
    const cookie = { headers: { cookie: `a=b; hdnts=${token}` } }
    expect(verdict(of(), PATH, header)).toBe('permit')
    expect(verdict(of({ location: 'header' }), PATH, header)).toBe('permit')
    expect(verdict(of({ location: 'query' }), PATH, header)).toBe('link_missing')
    expect(verdict(of({ location: 'cookie' }), PATH, cookie)).toBe('permit')
    expect(verdict(of({ location: 'header' }), PATH, cookie)).toBe('link_missing')
    expect(verdict(of({ location: 'cookie' }), `${PATH}?hdnts=${token}`)).toBe('link_missing')
  })

  it('of another name is not its own', () => {
    expect(verdict(of(), `${PATH}?HDNTS=${token}`)).toBe('link_missing')
    expect(verdict(of(), `${PATH}?xhdnts=${token}`)).toBe('link_missing')
  })

  it('longer than 4096 bytes is refused', () => {
    const long = tokenOf(`exp=${E}~acl=/*~data=${'x'.repeat(4096)}`)
    expect(verdict(of(), `${PATH}?hdnts=${long}`)).toBe('link_malformed')
  })
})

describe('minting', () => {
  const mint = (constraints: Constraints, path = PATH, options: object = {}): unknown =>
    of(options).sign({ path, expiresAt: E, constraints, site: SITE }, KEY)
  const networks = (...texts: string[]): Constraints => ({
    ip: texts.flatMap((text) => parseNetwork(text) ?? []),
  })

  it.each([
    ['two addresses', networks('192.0.2.1', '192.0.2.2'), PATH, /^ip: /],
    ['a network', networks('192.0.2.0/24'), PATH, /^ip: /],
    ['an id with a delimiter', { jti: 'a~b' }, PATH, /^jti: /],
    ['an id that ends the parameter', { jti: 'a&b' }, PATH, /^jti: /],
    ['a prefix with a wildcard', {}, '/files/a*b/*', /^path: /],
    ['a prefix with a question mark', {}, '/files/a%3Fb/*', /^path: /],
    ['a prefix with a delimiter', {}, '/files/~a/*', /^path: /],
    ['a hostile prefix', {}, '/files/../*', /^path: /],
  ])('refuses %s', (_what, constraints, path, detail) => {
    expect(mint(constraints, path)).toEqual({
      reason: 'link_constraint_unsupported',
      detail: expect.stringMatching(detail),
    })
  })

  it('escapes an id where signers do', () => {
    const options = { escapeEarly: true }
    const link = mint({ jti: "a~b&'*c/d" }, '/files/*', options) as { target: string }
    expect(link.target).toContain('~id=a%7eb%26%27%2ac%2fd~')
    const { grant } = verdictOf(of(options), [KEY], link.target.replace('?', 'x?'))
    expect(grant?.constraints.jti).toBe("a~b&'*c/d")
  })
})

describe('the options', () => {
  it.each([
    { fieldDelimiter: 'ab' },
    { fieldDelimiter: 'a' },
    { aclDelimiter: '%' },
    { tokenName: 'a b' },
    { tokenName: '' },
    { algorithm: 'sha512' },
    { salt: '' },
    { unknown: 1 },
  ])('%o is refused', (given) => {
    expect(akamaiEdgeAuth.options.safeParse(given).success).toBe(false)
  })
})
