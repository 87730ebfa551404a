import { sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { KeyRing } from '../../../../src/link/key-ring.ts'
import { MediaCdn } from '../../../../src/link/schemes/mediacdn.ts'
import type { LinkRequest, SignedLink } from '../../../../src/link/scheme.ts'
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
const EXPIRES = NOW + 60
const OPTIONS = { cookieName: 'Edge-Cache-Cookie', tokenParam: 'hdnts' } as const

function schemeOf(links: 'token' | 'url' | 'path' | 'cookie'): MediaCdn {
  return new MediaCdn({ ...OPTIONS, links })
}

const scheme = schemeOf('token')
const verifier = new LinkVerifier([scheme], new KeyRing([KEY, SECRET]))

linkFormatContract('mediacdn with signed URLs', () => ({ scheme: schemeOf('url'), keys: [KEY] }))

function seal(text: string): string {
  return sign(null, Buffer.from(text), KEY.signKey!).toString('base64url')
}

function component(folder: string, expires: string | number = EXPIRES, kid = 'my-key'): string {
  const signed = `${folder}edge-cache-token=Expires=${expires}&KeyName=${kid}`
  return `${signed}&Signature=${seal(`https://cdn.example${signed}`)}`
}

function exact(path: string): string {
  const signed = `${path}?Expires=${EXPIRES}&KeyName=my-key`
  return `${signed}&Signature=${seal(`https://cdn.example${signed}`)}==`
}

function cookie(url: string): string {
  const prefix = Buffer.from(url).toString('base64url')
  const signed = `URLPrefix=${prefix}:Expires=${EXPIRES}:KeyName=my-key`
  return `${signed}:Signature=${seal(signed)}==`
}

function token(fields: string, signed = fields): string {
  return `${fields}~Signature=${seal(signed)}`
}

function ask(target: string, parts: ContextParts = {}): string {
  const context = contextOf(target, { scheme, ...parts })
  const verified = verifier.verify(context)
  if (verified.outcome === 'absent') return 'absent'
  if (verified.outcome === 'refused') return verified.refusal.reason
  return decide(verified.grant, context, policyOf(), historyOf()).refusal?.reason ?? 'permit'
}

describe('a signed request', () => {
  it('is signed with Ed25519 over the URL, the prefix or the cookie', () => {
    expect(ask(exact('/files/a.mp4'))).toBe('permit')
    expect(ask(exact('/files/a.mp4').slice(0, -2))).toBe('permit')
    const headers = { cookie: `Edge-Cache-Cookie=${cookie('https://cdn.example/files/')}` }
    expect(ask('/files/a.mp4', { headers })).toBe('permit')
    expect(ask('/other/a.mp4', { headers })).toBe('link_resource_mismatch')
  })

  it('never with a secret', () => {
    expect(ask(exact('/files/a.mp4').replace('my-key', 'shared'))).toBe('link_key_unknown')
  })

  it('with a signature of another length is malformed', () => {
    const good = exact('/files/a.mp4')
    expect(ask(good.slice(0, -6))).toBe('link_malformed')
    expect(ask(good.replace(/Signature=.*/, 'Signature='))).toBe('link_malformed')
  })

  it('is the only link of its request', () => {
    const mine = cookie('https://cdn.example/')
    const path = token('PathGlobs=/*~Expires=9')
    for (const [target, sent] of [
      [exact('/files/a'), `Edge-Cache-Cookie=${mine}`],
      [`/files/a?hdnts=${path}`, `Edge-Cache-Cookie=${mine}`],
      [`${exact('/files/a')}&hdnts=${path}`, ''],
      [`${component('/files/')}/a?hdnts=${path}`, ''],
      ['/files/a', `Edge-Cache-Cookie=${mine}; hdnts=${path}`],
    ] as const) {
      expect([target, ask(target, { headers: { cookie: sent } })]).toEqual([
        target,
        'link_ambiguous',
      ])
    }
  })
})

describe('a path component', () => {
  it('opens what lies behind it, and is cut out of the path', () => {
    const target = `${component('/files/')}/b/c.ts?x=1`
    expect(contextOf(target, { scheme }).path).toBe('/files/b/c.ts')
    expect(ask(target)).toBe('permit')
    expect(ask(target, { now: EXPIRES })).toBe('link_expired')
  })

  it('may be padded', () => {
    expect(ask(`${component('/files/')}==/a.ts`)).toBe('permit')
  })

  it('is bound to what stands before it', () => {
    const moved = component('/files/').replace('/files/', '/other/')
    expect(ask(`${moved}/a.ts`)).toBe('link_signature_wrong')
    expect(ask(`/x${component('/files/')}/a.ts`)).toBe('link_signature_wrong')
  })

  it.each([
    ['two of them', `${component('/files/')}${component('/')}/a`],
    ['nothing behind it', component('/files/')],
    ['another order', `/files/edge-cache-token=KeyName=my-key&Expires=1&Signature=A/a`],
    ['a field more', `${component('/files/')}&x=1/a`],
    ['no expiry', `${component('/files/', '')}/a`],
    ['an expiry in milliseconds', `${component('/files/', EXPIRES * 1000)}/a`],
  ])('with %s is malformed', (_name, target) => {
    expect(ask(target)).toBe('link_malformed')
  })

  it('begins its segment', () => {
    expect(ask(`${component('/files/x')}/a`)).toBe('absent')
  })

  it('names a key that is known', () => {
    expect(ask(`${component('/files/', EXPIRES, 'other')}/a`)).toBe('link_key_unknown')
  })

  it('does not let the path behind it climb out', () => {
    const context = contextOf(`${component('/files/')}/a`, { scheme })
    for (const rest of ['/../a', '/%2e%2e/a', '/..%2fa']) {
      const hostile = {
        ...context,
        target: { ...context.target, rawPath: `${component('/files/')}${rest}` },
      }
      const verified = verifier.verify(hostile)
      if (verified.outcome !== 'granted') throw new Error(rest)
      expect(decide(verified.grant, hostile, policyOf(), historyOf()).refusal?.reason).toBe(
        'link_resource_mismatch',
      )
    }
  })
})

describe('a token', () => {
  const good = token('PathGlobs=/files/*~Expires=9999999999'.replace('9999999999', `${EXPIRES}`))

  it('comes in the parameter or in a cookie', () => {
    expect(ask(`/files/a?x=1&hdnts=${good}&y=2`)).toBe('permit')
    expect(ask('/files/a', { headers: { cookie: `hdnts=${good}` } })).toBe('permit')
    expect(ask('/files/a', { headers: { cookie: `Edge-Cache-Cookie=${good}` } })).toBe('permit')
    expect(ask(`/files/a?token=${good}`)).toBe('absent')
  })

  it('that comes twice is refused', () => {
    expect(ask(`/files/a?hdnts=${good}&hdnts=${good}`)).toBe('link_malformed')
    expect(ask('/files/a', { headers: { cookie: `hdnts=${good}; hdnts=x` } })).toBe(
      'link_malformed',
    )
  })
})

describe('a link that is signed here', () => {
  const request: LinkRequest = { path: '/files/*', expiresAt: EXPIRES, constraints: {}, site: SITE }
  const made = (
    links: Parameters<typeof schemeOf>[0],
    path = '/files/*',
    key = KEY,
  ): SignedLink => {
    const link = schemeOf(links).sign({ ...request, path }, key)
    if ('reason' in link) throw new Error(link.detail)
    return link
  }

  it('is a path component where the route says so', () => {
    expect(made('path')).toEqual({ target: `${component('/files/')}/` })
  })

  it('is a cookie where the route says so', () => {
    const value = cookie('https://cdn.example/files/')
    const { target, cookies } = made('cookie')
    expect(target).toBe('/files/')
    const sent = cookies?.['Edge-Cache-Cookie'] ?? ''
    expect(ask('/files/a', { headers: { cookie: `Edge-Cache-Cookie=${sent}` } })).toBe('permit')
    expect(Buffer.from(sent.split(/[=:]/)[1] ?? '', 'base64url')).toEqual(
      Buffer.from(value.split(/[=:]/)[1] ?? '', 'base64url'),
    )
  })

  it.each(['path', 'cookie'] as const)('as %s opens no single object', (links) => {
    expect(() => made(links, '/files/a')).toThrow(/^path: /)
  })

  it.each(['url', 'path', 'cookie'] as const)('as %s needs an Ed25519 key', (links) => {
    expect(() => made(links, '/files/*', SECRET)).toThrow('Ed25519')
  })

  it('says constraints as a token only', () => {
    expect([...schemeOf('token').expresses].toSorted()).toEqual(['ip', 'jti', 'nbf'])
    expect(schemeOf('url').expresses.size).toBe(0)
  })
})
