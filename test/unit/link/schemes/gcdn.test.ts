import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { covers } from '../../../../src/link/grant.ts'
import { KeyRing } from '../../../../src/link/key-ring.ts'
import { Gcdn } from '../../../../src/link/schemes/gcdn.ts'
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

const SCHEMES = { schemes: new Set(['gcdn']) }
const KEY = secretKey('my-key', 1, { ...SCHEMES, alg: 'HS1' })
const EXPIRES = NOW + 60
const COOKIE = 'Cloud-CDN-Cookie'

const scheme = new Gcdn({ cookieName: COOKIE, links: 'url' })
const verifier = new LinkVerifier(
  [scheme],
  new KeyRing([KEY, { ...pairKey('rsa', 'public', 'RS256'), ...SCHEMES }]),
)

linkFormatContract('gcdn', () => ({
  scheme,
  keys: [KEY, secretKey('other', 2, { ...SCHEMES, alg: 'HS1' })],
}))

function base64url(bytes: Buffer | string): string {
  return Buffer.from(bytes).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}

function mac(text: string): string {
  const bytes = createHmac('sha1', Buffer.alloc(32, 1)).update(text).digest()
  return base64url(bytes)
}

/** The signed form of `https://cdn.example` and this target. */
function exact(target: string, expires: string | number = EXPIRES, kid = 'my-key'): string {
  const signed = `${target}${target.includes('?') ? '&' : '?'}Expires=${expires}&KeyName=${kid}`
  return `${signed}&Signature=${mac(`https://cdn.example${signed}`)}`
}

function prefix(url: string, separator = '&'): string {
  const signed = [`URLPrefix=${base64url(url)}`, `Expires=${EXPIRES}`, 'KeyName=my-key'].join(
    separator,
  )
  return `${signed}${separator}Signature=${mac(signed)}`
}

function ask(target: string, parts: ContextParts = {}): string {
  const context = contextOf(target, parts)
  const verified = verifier.verify(context)
  if (verified.outcome === 'absent') return 'absent'
  if (verified.outcome === 'refused') return verified.refusal.reason
  return decide(verified.grant, context, policyOf(), historyOf()).refusal?.reason ?? 'permit'
}

describe('a signed URL', () => {
  const good = exact('/files/a.mp4?a=1&b=%2F')

  it('is bound byte for byte', () => {
    expect(ask(good)).toBe('permit')
    expect(ask(good.replace('%2F', '%2f'))).toBe('link_signature_wrong')
    expect(ask(good.replace('a=1&', ''))).toBe('link_signature_wrong')
    expect(ask(good.replace('a.mp4', '%61.mp4'))).toBe('link_signature_wrong')
  })

  it('ends in Expires, KeyName and Signature', () => {
    const [path = '', query = ''] = exact('/files/a.mp4').split('?')
    const [expires, key, signature] = query.split('&')
    for (const order of [
      [key, expires, signature],
      [expires, signature, key],
      [signature, expires, key],
      [expires, 'x=1', key, signature],
      [expires, key, 'x=1', signature],
      [expires, key, signature, 'x=1'],
      [expires, key, signature, ''],
    ]) {
      const target = `${path}?${order.join('&')}`
      expect([target, ask(target)]).toEqual([target, expect.stringMatching(/^link_/)])
    }
  })

  it.each(['Expires=9999999999', 'KeyName=my-key', 'Signature=A', 'URLPrefix=A'])(
    'with one more %s is refused',
    (parameter) => {
      expect(ask(good.replace('?', `?${parameter}&`))).toBe('link_malformed')
      expect(ask(`${good}&${parameter}`)).toBe('link_malformed')
    },
  )

  it.each(['', '-1', '1e9', `0${EXPIRES}`, `${EXPIRES}000`])(
    'with Expires=%s is malformed, even if it is signed',
    (expires) => {
      expect(ask(exact('/files/a.mp4', expires))).toBe('link_malformed')
    },
  )

  it('holds until its expiry', () => {
    expect(ask(good, { now: EXPIRES - 1 })).toBe('permit')
    expect(ask(good, { now: EXPIRES + 1 })).toBe('link_expired')
  })

  it('names a key, and one that is a secret', () => {
    expect(ask(exact('/files/a', EXPIRES, 'other'))).toBe('link_key_unknown')
    expect(ask(exact('/files/a', EXPIRES, 'public'))).toBe('link_key_unknown')
    expect(ask(good.replace(/&KeyName=[^&]*/, ''))).toBe('absent')
  })

  it('takes its Signature in base64url, padded or not, and in no other form', () => {
    const signature = good.slice(good.lastIndexOf('=', good.length - 2) + 1)
    expect(signature).toMatch(/=$/)
    const sent = (text: string): string => ask(good.replace(signature, text))
    expect(sent(signature.slice(0, -1))).toBe('permit')
    for (const wrong of [
      '',
      signature.slice(0, -5),
      `${signature}=`,
      signature.replace('=', '%3D'),
      Buffer.from(signature, 'base64url').toString('hex'),
    ]) {
      expect([wrong, sent(wrong)]).toEqual([wrong, 'link_malformed'])
    }
  })

  it('may be asked by HEAD', () => {
    expect(ask(good, { method: 'HEAD' })).toBe('permit')
  })
})

describe('a signed prefix', () => {
  it.each([
    ['https://cdn.example/files/', '/files/a.mp4', 'permit'],
    ['https://cdn.example/files', '/files2/a.mp4', 'permit'],
    ['https://cdn.example/files/a', '/files/a.mp4', 'permit'],
    ['https://cdn.example/', '/files/a.mp4', 'permit'],
    ['https://cdn.example', '/files/a.mp4', 'permit'],
    ['https://cdn.example/other/', '/files/a.mp4', 'link_resource_mismatch'],
    ['https://cdn.example/files/', '/%66iles/a.mp4', 'link_resource_mismatch'],
    ['http://cdn.example/files/', '/files/a.mp4', 'link_resource_mismatch'],
    ['https://other.example/files/', '/files/a.mp4', 'link_resource_mismatch'],
    // a part of a host is no host
    ['https://cdn.exam', '/files/a.mp4', 'link_resource_mismatch'],
    ['https://', '/files/a.mp4', 'link_malformed'],
    ['/files/', '/files/a.mp4', 'link_malformed'],
    ['cdn.example/files/', '/files/a.mp4', 'link_malformed'],
    ['https://cdn.example/files/?x=1', '/files/a.mp4', 'link_malformed'],
    ['https://cdn.example/files/#x', '/files/a.mp4', 'link_malformed'],
    ['', '/files/a.mp4', 'link_malformed'],
  ])('of %s over %s: %s', (url, path, outcome) => {
    expect(ask(`${path}?${prefix(url)}`)).toBe(outcome)
  })

  it('leaves the other parameters free, before and behind its own', () => {
    const parameters = prefix('https://cdn.example/files/')
    expect(ask(`/files/a.mp4?x=1&${parameters}&y=2`)).toBe('permit')
  })

  it('has its parameters in one order and one row', () => {
    const [url, expires, key, signature] = prefix('https://cdn.example/files/').split('&')
    for (const order of [
      [expires, key, url, signature],
      [url, key, expires, signature],
      [url, 'x=1', expires, key, signature],
      [url, expires, key, 'x=1', signature],
      [url, expires, key],
      [url, expires, signature],
    ]) {
      const target = `/files/a.mp4?${order.join('&')}`
      expect([target, ask(target)]).toEqual([target, 'link_malformed'])
    }
  })

  it.each(['/files/../a.mp4', '/files/%2E%2e/a.mp4', '/files/..%2fa.mp4', '/files/%00'])(
    'never covers %s',
    (rawPath) => {
      const context = contextOf(`/files/a?${prefix('https://cdn.example/files/')}`)
      const hostile = { ...context, target: { ...context.target, rawPath } }
      const verified = verifier.verify(hostile)
      expect(verified.outcome).toBe('granted')
      expect(verified.outcome === 'granted' && covers(verified.grant.resource, hostile)).toBe(false)
    },
  )
})

describe('a signed cookie', () => {
  const value = prefix('https://cdn.example/files/', ':')
  const withCookie = (cookie: string): ContextParts => ({ headers: { cookie } })

  it('opens its prefix', () => {
    expect(ask('/files/a.mp4?x=1', withCookie(`${COOKIE}=${value}`))).toBe('permit')
    expect(ask('/other/a.mp4', withCookie(`${COOKIE}=${value}`))).toBe('link_resource_mismatch')
  })

  it('is signed with its colons', () => {
    const ampersands = prefix('https://cdn.example/files/')
    expect(ask('/files/a', withCookie(`${COOKIE}=${ampersands.replaceAll('&', ':')}`))).toBe(
      'link_signature_wrong',
    )
    expect(ask('/files/a', withCookie(`${COOKIE}=${ampersands}`))).toBe('link_malformed')
  })

  it.each([
    ['twice', `${COOKIE}=${value}; ${COOKIE}=${value}`],
    ['with a field more', `${COOKIE}=${value}:X=1`],
    ['with a field twice', `${COOKIE}=URLPrefix=A:${value}`],
    ['without a signature', `${COOKIE}=${value.replace(/:Signature.*/, '')}`],
    ['that is empty', `${COOKIE}=`],
    ['that is too long', `${COOKIE}=${value}${'A'.repeat(4096)}`],
  ])('%s is refused', (_name, cookie) => {
    expect(ask('/files/a', withCookie(cookie))).toBe('link_malformed')
  })

  it('beside a signed URL is one link too many', () => {
    expect(ask(exact('/files/a'), withCookie(`${COOKIE}=${value}`))).toBe('link_ambiguous')
  })

  it('may have another name', () => {
    const named = new Gcdn({ cookieName: 'Mine', links: 'url' })
    const context = contextOf('/files/a', withCookie(`Mine=${value}`))
    expect(named.find(context).outcome).toBe('found')
    expect(named.find(contextOf('/files/a', withCookie(`${COOKIE}=${value}`))).outcome).toBe(
      'absent',
    )
  })

  it('is what new links are where the route says so, and opens no single object', () => {
    const maker = new Gcdn({ cookieName: COOKIE, links: 'cookie' })
    const request = { path: '/files/*', expiresAt: EXPIRES, constraints: {}, site: SITE }
    expect(maker.sign(request, KEY)).toEqual({ target: '/files/', cookies: { [COOKIE]: value } })
    expect(maker.sign({ ...request, path: '/files/a' }, KEY)).toMatchObject({
      reason: 'link_constraint_unsupported',
      detail: expect.stringMatching(/^path: /) as string,
    })
  })
})
