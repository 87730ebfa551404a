import { createHmac, createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Key, KeyRing } from '../../../../src/link/key-ring.ts'
import type { Scheme } from '../../../../src/link/scheme.ts'
import { atsUrlSig } from '../../../../src/link/schemes/ats-url-sig.ts'
import { LinkVerifier } from '../../../../src/link/verify-link.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { schemeWith, verdictOf } from '../../../support/link-verdict.ts'
import {
  address,
  contextOf,
  type ContextParts,
  NOW,
  SITE,
  secretKey,
} from '../../../support/request-parts.ts'

const SECRET = 'url_sig secret 3'
const secret = createSecretKey(Buffer.from(SECRET))
const OWN = { schemes: new Set(['ats-url-sig']), alg: 'HS1' }
const KEY: Key = secretKey('3', 0, { ...OWN, verifyKey: secret, signKey: secret })
const MD5_KEY: Key = secretKey('12', 12, { ...OWN, alg: 'MD5' })
const E = NOW + 60

type Options = Readonly<Record<string, unknown>>

function make(options: Options = {}): Scheme {
  return schemeWith(atsUrlSig, options)
}

function ask(target: string, parts: ContextParts = {}, options: Options = {}): string {
  return verdictOf(make(options), [KEY, MD5_KEY], target, parts).verdict
}

function hmac(text: string, digest = 'sha1'): string {
  return createHmac(digest, SECRET).update(text).digest('hex')
}

/** The parameters of a link whose signed parts are these, as the plugin's documentation has it. */
function query(
  parts: string,
  { flags = '1', fields = '', E: end = `${E}`, A = '1', K = '3' } = {},
): string {
  const tail = `${fields}E=${end}&A=${A}&K=${K}&P=${flags}&S=`
  return `${tail}${hmac(`${parts}?${tail}`, A === '2' ? 'md5' : 'sha1')}`
}

/** The token of a link whose parameters stand in its path. */
function token(parts: string, { flags = '1', fields = '' } = {}): string {
  const tail = `;${fields}E=${E};A=1;K=3;P=${flags};S=`
  return Buffer.from(tail + hmac(parts + tail)).toString('base64url')
}

linkFormatContract('ats-url-sig', () => ({
  scheme: make(),
  keys: [KEY, MD5_KEY],
  narrow: ({ ip }) => (ip ? { ip: [{ first: address('192.0.2.1'), prefix: 32 }] } : {}),
}))

describe('the parts of P', () => {
  const HOST = 'cdn.example'

  it.each([
    ['1', `${HOST}/files/a/b`],
    ['01', 'files/a/b'],
    ['0110', 'files/a'],
    ['101', `${HOST}/a/b`],
    ['10', HOST],
    ['00010', 'b'],
    ['1111111', `${HOST}/files/a/b`],
  ])('%s sign %s', (flags, parts) => {
    expect(ask(`/files/a/b?${query(parts, { flags })}`)).toBe('permit')
    expect(ask(`/files/a/b?${query(`${parts}x`, { flags })}`)).toBe('link_signature_wrong')
  })

  it('leave open what they do not choose', () => {
    const parameters = query('files/a', { flags: '0110' })
    for (const path of ['/files/a/c', '/files/a/b/c/d', '/files/a']) {
      expect([path, ask(`${path}?${parameters}`)]).toEqual([path, 'permit'])
    }
    expect(ask(`/files/b/c?${parameters}`)).toBe('link_signature_wrong')
  })

  it.each(['', '0', '000', '2', '1x', '1'.repeat(33), '0000001'])('%j choose nothing', (flags) => {
    expect(ask(`/files/a/b?${query('', { flags })}`)).toBe('link_malformed')
  })

  it('cannot be left by a path that means another one', () => {
    const scheme = make()
    const target = `/files/a/b?${query('files/a', { flags: '0110' })}`
    const context = contextOf(target, { scheme })
    const outcome = (rawPath: string): string =>
      new LinkVerifier([scheme], new KeyRing([KEY])).verify({
        ...context,
        target: { ...context.target, rawPath },
      }).outcome
    expect(outcome('/files/a/b')).toBe('granted')
    expect(outcome('/files/a/../../x')).toBe('refused')
    expect(outcome('/files/a/%2e%2e/x')).toBe('refused')
    expect(outcome('/files/a/..%2fx')).toBe('refused')
  })

  it('are of the raw path', () => {
    expect(ask(`/files/a%20b?${query(`${HOST}/files/a%20b`)}`)).toBe('permit')
    expect(ask(`/files/a%20b?${query(`${HOST}/files/a b`)}`)).toBe('link_signature_wrong')
    expect(ask(`/files/%61%20b?${query(`${HOST}/files/a%20b`)}`)).toBe('link_signature_wrong')
  })
})

describe('the parameters', () => {
  const PARTS = 'cdn.example/files/a'

  it('follow those of the application, which are signed', () => {
    const parameters = query(PARTS, { fields: 'id=7&x&' })
    expect(ask(`/files/a?${parameters}`)).toBe('permit')
    expect(ask(`/files/a?${parameters.replace('id=7', 'id=8')}`)).toBe('link_signature_wrong')
    expect(ask(`/files/a?y=1&${parameters}`)).toBe('link_signature_wrong')
  })

  it('may be followed by ignored ones only', () => {
    expect(ask(`/files/a?${query(PARTS)}&utm_source=x`)).toBe('permit')
    expect(ask(`/files/a?${query(PARTS)}&x=1`)).toBe('link_malformed')
    expect(ask(`/files/a?${query(PARTS)}&`)).toBe('link_malformed')
  })

  it('come once each', () => {
    for (const more of ['E=1', 'A=1', 'K=3', 'P=1', 'S=1', 'C=192.0.2.1&C=192.0.2.1']) {
      const result = ask(`/files/a?${query(PARTS, { fields: `${more}&` })}`)
      expect([more, result]).toEqual([more, 'link_malformed'])
    }
  })

  it.each([
    [{ A: '2' }, 'permit'],
    [{ A: '0' }, 'link_malformed'],
    [{ A: '3' }, 'link_malformed'],
    [{ A: '01' }, 'link_malformed'],
    [{ K: '4' }, 'link_key_unknown'],
    [{ K: '03' }, 'link_key_unknown'],
    [{ K: '' }, 'link_key_unknown'],
    [{ K: '-3' }, 'link_key_unknown'],
    [{ E: '' }, 'link_malformed'],
    [{ E: `${E}.0` }, 'link_malformed'],
    [{ E: `+${E}` }, 'link_malformed'],
    [{ E: `${E}000` }, 'link_malformed'],
    [{ E: '0' }, 'link_expired'],
  ])('%j are answered by %s', (fields, outcome) => {
    expect(ask(`/files/a?${query(PARTS, fields)}`)).toBe(outcome)
  })

  it('without one of them are malformed, without S or K no link', () => {
    const parameters = query(PARTS)
    for (const name of ['E', 'A', 'P']) {
      const without = parameters.replace(new RegExp(`${name}=\\w*&`), '')
      expect([name, ask(`/files/a?${without}`)]).toEqual([name, 'link_malformed'])
    }
    expect(ask(`/files/a?${parameters.replace(/K=\d+&/, '')}`)).toBe('link_missing')
    expect(ask(`/files/a?${parameters.replace(/&S=.*/, '')}`)).toBe('link_missing')
  })

  it('hold a signature in lower-case hex of the full length', () => {
    const parameters = query(PARTS)
    const [before = '', signature = ''] = parameters.split('S=')
    for (const given of [
      '',
      signature.slice(2),
      `${signature}00`,
      signature.toUpperCase(),
      'g'.repeat(40),
    ]) {
      expect([given, ask(`/files/a?${before}S=${given}`)]).toEqual([given, 'link_malformed'])
    }
    const md5 = query(PARTS, { A: '2' })
    expect(ask(`/files/a?${md5.slice(0, -2)}`)).toBe('link_malformed')
    // the digest of one algorithm under the name of the other
    expect(ask(`/files/a?${md5.replace('A=2', 'A=1')}`)).toBe('link_malformed')
  })

  it('count to the end of the second in E', () => {
    expect(ask(`/files/a?${query(PARTS)}`, { now: E })).toBe('permit')
    expect(ask(`/files/a?${query(PARTS)}`, { now: E + 1 })).toBe('link_expired')
  })

  it.each([
    ['192.0.2.1', '192.0.2.1', 'permit'],
    ['192.0.2.1', '192.0.2.2', 'address_not_allowed'],
    ['192.0.2.1', undefined, 'address_not_allowed'],
    ['192.0.2.1', '::ffff:192.0.2.1', 'permit'],
    ['2001:db8::7', '2001:db8:0::7', 'permit'],
    ['2001:db8::7', '192.0.2.1', 'address_not_allowed'],
    ['192.0.2.0/24', '192.0.2.1', 'link_malformed'],
    ['fe80::1%25eth0', 'fe80::1', 'link_malformed'],
    ['', '192.0.2.1', 'link_malformed'],
    ['any', '192.0.2.1', 'link_malformed'],
  ])('with C=%s are for %s: %s', (given, client, outcome) => {
    expect(ask(`/files/a?${query(PARTS, { fields: `C=${given}&` })}`, { client })).toBe(outcome)
  })
})

describe('a token in the path', () => {
  const PARTS = 'cdn.example/files/shows'

  it('opens the files beside it', () => {
    expect(ask(`/files/shows/${token(PARTS)}/a.mp4`)).toBe('permit')
    expect(ask(`/files/shows/${token(PARTS)}/b.mp4?x=1`)).toBe('permit')
    expect(ask(`/files/other/${token(PARTS)}/a.mp4`)).toBe('link_signature_wrong')
    expect(ask(`/files/shows/${token(PARTS)}/1/a.mp4`)).toBe('link_missing')
    expect(ask(`/files/shows/${token(PARTS, { fields: 'C=192.0.2.1;' })}/a`)).toBe('permit')
    expect(ask(`/files/shows/${token(PARTS, { fields: 'C=192.0.2.9;' })}/a`)).toBe(
      'address_not_allowed',
    )
  })

  it('is cut out of the object', () => {
    const scheme = make({ sigAnchor: 'sig' })
    expect(scheme.cutPath?.(`/files/${token(PARTS)}/a%20b`)).toBe('/files/a%20b')
    expect(scheme.cutPath?.(`/files;sig=${token(PARTS)}/x/a`)).toBe('/files/x/a')
    expect(scheme.cutPath?.('/files/a')).toBeUndefined()
    expect(scheme.cutPath?.(`/files/${'O0O9'.padEnd(60, 'A')}/a`)).toBeUndefined()
  })

  it('behind the anchor opens what lies below', () => {
    const options = { sigAnchor: 'sig' }
    for (const path of ['a', '720p/a.ts']) {
      const target = `/files/shows;sig=${token(PARTS)}/${path}`
      expect([path, ask(target, {}, options)]).toEqual([path, 'permit'])
    }
    expect(ask(`/files/shows/1;sig=${token(PARTS)}/a`, {}, options)).toBe('link_signature_wrong')
    expect(ask(`/files/shows/${token(PARTS)}/a`, {}, options)).toBe('permit')
    expect(ask(`/files/shows;other=${token(PARTS)}/a`, {}, options)).toBe('link_missing')
  })

  it('cannot be left by a path that means another one', () => {
    const scheme = make({ sigAnchor: 'sig' })
    const target = `/files/shows;sig=${token(PARTS)}/a`
    const context = contextOf(target, { scheme })
    for (const path of ['../x', '%2e%2e/x', '..%2fx']) {
      const rawPath = `/files/shows;sig=${token(PARTS)}/${path}`
      const verified = new LinkVerifier([scheme], new KeyRing([KEY])).verify({
        ...context,
        target: { ...context.target, rawPath },
      })
      expect([path, verified.outcome]).toEqual([path, 'refused'])
    }
  })

  it('stays a link with any character of it flipped', () => {
    const good = token(PARTS)
    for (let at = 4; at < good.length; at += 1) {
      const bad = `${good.slice(0, at)}${good[at] === 'x' ? 'y' : 'x'}${good.slice(at + 1)}`
      const outcome = ask(`/files/shows/${bad}/a`)
      expect([at, outcome]).not.toEqual([at, 'permit'])
      expect([at, outcome]).not.toEqual([at, 'link_missing'])
    }
  })

  it('beside a signed query is ambiguous', () => {
    const target = `/files/shows/${token(PARTS)}/a?${query(`${PARTS}/a`)}`
    expect(ask(target)).toBe('link_ambiguous')
  })

  it('that was changed, or that holds more, opens nothing', () => {
    const text = Buffer.from(token(PARTS), 'base64url').toString()
    for (const [changed, outcome] of [
      [`${text};x=1`, 'link_malformed'],
      [`${text}0`, 'link_malformed'],
      [text.replace('P=1', 'P=10'), 'link_signature_wrong'],
      [text.replace(';A=1', ''), 'link_malformed'],
      [text.replace(';A', ';E=1;A'), 'link_malformed'],
      [text.replace(/^;/, ''), 'link_missing'],
      [text.replace(';A', '&A'), 'link_malformed'],
    ] as const) {
      const made = Buffer.from(changed).toString('base64url')
      expect([changed, ask(`/files/shows/${made}/a`)]).toEqual([changed, outcome])
    }
  })
})

describe('minting', () => {
  const request = { path: '/files/a%20b', expiresAt: E, constraints: {}, site: SITE }
  const sign = (more: object, key = KEY, options = {}): string => {
    const link = make(options).sign({ ...request, ...more }, key)
    return 'reason' in link ? `${link.reason} ${link.detail.split(':', 1)[0]}` : link.target
  }

  it('writes the parameters in the order of the plugin', () => {
    const expected = query('cdn.example/files/a%20b', { fields: 'C=192.0.2.1&' })
    const constraints = { ip: [{ first: address('192.0.2.1'), prefix: 32 }] }
    expect(sign({ constraints })).toBe(`/files/a%20b?${expected}`)
  })

  it('opens a prefix by the flags', () => {
    expect(sign({ path: '/files/shows/*' })).toBe(
      `/files/shows/?${query('cdn.example/files/shows', { flags: '1110' })}`,
    )
  })

  it('names the key by its index behind the prefix', () => {
    const key = { ...KEY, kid: 'movies-3' }
    expect(sign({}, key, { keyPrefix: 'movies-' })).toContain('&K=3&')
    for (const kid of ['movies', 'movies-', 'movies-x', 'movies-03', '3']) {
      const result = sign({}, { ...KEY, kid }, { keyPrefix: 'movies-' })
      expect([kid, result]).toEqual([kid, 'link_constraint_unsupported scheme'])
    }
  })

  it('refuses what the parameters cannot say', () => {
    const first = address('192.0.2.0')
    const ip = (...networks: object[]): object => ({ constraints: { ip: networks } })
    expect(sign(ip({ first, prefix: 24 }))).toBe('link_constraint_unsupported ip')
    expect(sign(ip({ first, prefix: 32 }, { first, prefix: 32 }))).toBe(
      'link_constraint_unsupported ip',
    )
    expect(sign({ path: `${'/a'.repeat(40)}/*` })).toBe('link_constraint_unsupported path')
  })
})
