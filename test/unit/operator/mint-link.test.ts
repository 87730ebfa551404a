import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type MintedLink, type MintRequest, mintLink } from '../../../src/operator/mint-link.ts'
import { constraintSets } from '../../contract/constraint-sets.ts'
import { writeConstraints } from '../../../src/link/constraints.ts'
import { RouteTable } from '../../../src/http/route.ts'
import { KeyRing } from '../../../src/link/key-ring.ts'
import type { Scheme } from '../../../src/link/scheme.ts'
import { keycdn } from '../../../src/link/schemes/keycdn.ts'
import { SluiceHmac } from '../../../src/link/schemes/sluice-hmac.ts'
import { LinkVerifier } from '../../../src/link/verify-link.ts'
import { makeDesk, type TestDesk } from '../../support/link-desk.ts'
import { MemoryOrigin } from '../../support/memory-origin.ts'
import { contextOf, NOW, policyOf, secretKey } from '../../support/request-parts.ts'

const PATH = '/files/a%20b.mp4'

function minted(
  request: Partial<MintRequest>,
  policy = {},
  form: 'json' | 'text' = 'json',
): MintedLink {
  const result = mintLink(makeDesk(policy), { path: PATH, ...request }, form)
  if ('field' in result) throw new Error(`${result.field}: ${result.message}`)
  return result
}

function refusedField(
  request: Partial<MintRequest>,
  policy = {},
  form: 'json' | 'text' = 'json',
): string {
  const result = mintLink(makeDesk(policy), { path: PATH, ...request }, form)
  if (!('field' in result)) return `minted ${result.url}`
  expect(result.message.length).toBeGreaterThan(5)
  return result.field
}

describe('a minted link', () => {
  it('has the defaults of route and policy', () => {
    const link = minted({})
    expect(link).toMatchObject({ scheme: 'sluice-hmac', kid: 'k2', expires_at: NOW + 3600 })
    expect(link.url).toMatch(
      /^https:\/\/files\.example\/files\/a%20b\.mp4\?.*&Signature=[\w-]{43}$/,
    )
    expect(link.url).toContain(`jti=${link.id}`)
    expect(link.url).toContain(`iat=${NOW}`)
    expect(minted({}, { lifetime: { defaultSeconds: 60 } }).expires_at).toBe(NOW + 60)
  })

  it('has an id of its own each time, or the one that was asked for', () => {
    expect(minted({}).id).not.toBe(minted({}).id)
    expect(minted({ jti: 'order-7' }).id).toBe('order-7')
  })

  it('is of the scheme that was asked for, or the first of its route', () => {
    expect(minted({ scheme: 'sluice-jwt' })).toMatchObject({ scheme: 'sluice-jwt' })
    expect(minted({ path: '/jwt/a' })).toMatchObject({ scheme: 'sluice-jwt' })
    expect(minted({ scheme: 'sluice-jwt', path: '/files/a/*' }).url).toMatch(
      /^https:\/\/files\.example\/~[\w.-]+\/files\/a\/$/,
    )
  })

  it.each([
    [{ expires_in: 1 }, NOW + 1],
    [{ expires_in: 604_800 }, NOW + 604_800],
    [{ expires_at: NOW + 5 }, NOW + 5],
    [{ expires_at: NOW + 604_800 }, NOW + 604_800],
  ])('%j ends at %i', (request, end) => {
    expect(minted(request).expires_at).toBe(end)
  })

  it('proves what was asked for, whichever form it was asked in', () => {
    const expressible = constraintSets.map(
      ({ iat: _iat, nbf: _nbf, autograph_tag: _tag, ...rest }) => rest,
    )
    fc.assert(
      fc.property(
        expressible,
        fc.constantFrom('json' as const, 'text' as const),
        fc.constantFrom('sluice-hmac', 'sluice-jwt'),
        (constraints, form, scheme) => {
          const desk = makeDesk()
          const asked = Object.fromEntries(writeConstraints(constraints, form))
          const result = mintLink(desk, { path: PATH, scheme, ...asked }, form)
          if ('field' in result) throw new Error(`${result.field}: ${result.message}`)
          const context = contextOf(result.url)
          const verified = desk.routes.find(context.path)?.verifier.verify(context)
          expect(verified).toMatchObject({
            outcome: 'granted',
            grant: { linkId: result.id, validUntil: result.expires_at },
          })
          expect(verified?.outcome === 'granted' && verified.grant.constraints).toEqual({
            jti: result.id,
            iat: NOW,
            ...constraints,
          })
        },
      ),
      { numRuns: 80 },
    )
  })
})

describe('what cannot be minted names its field', () => {
  it.each<[string, Partial<MintRequest>, string]>([
    ['a raw space', { path: '/files/a b' }, 'path'],
    ['non-ASCII', { path: '/files/ü' }, 'path'],
    ['a query', { path: '/files/a?b' }, 'path'],
    ['a fragment', { path: '/files/a#b' }, 'path'],
    ['a dot segment', { path: '/files/../a' }, 'path'],
    ['an encoded slash', { path: '/files/a%2fb' }, 'path'],
    ['a trailing slash', { path: '/files/' }, 'path'],
    ['no slash', { path: 'files/a' }, 'path'],
    ['an empty path', { path: '' }, 'path'],
    ['a URL', { path: 'https://files.example/files/a' }, 'path'],
    ['no route', { path: '/elsewhere/a' }, 'path'],
    ['a prefix above every route', { path: '/*', scheme: 'sluice-jwt' }, 'path'],
    ['a hostile prefix', { path: '/files/../*', scheme: 'sluice-jwt' }, 'path'],
    ['a prefix for a scheme without', { path: '/files/*', scheme: 'sluice-hmac' }, 'path'],
    ['an unknown scheme', { scheme: 's3-sigv4' }, 'scheme'],
    ['a scheme that the route does not take', { path: '/hmac/a', scheme: 'sluice-jwt' }, 'scheme'],
    ['expires_in 0', { expires_in: 0 }, 'expires_in'],
    ['expires_in negative', { expires_in: -1 }, 'expires_in'],
    ['expires_in a fraction', { expires_in: 1.5 }, 'expires_in'],
    ['expires_in NaN', { expires_in: NaN }, 'expires_in'],
    ['expires_in Infinity', { expires_in: Infinity }, 'expires_in'],
    ['expires_in above the policy', { expires_in: 604_801 }, 'expires_in'],
    ['expires_at now', { expires_at: NOW }, 'expires_at'],
    ['expires_at in the past', { expires_at: NOW - 1 }, 'expires_at'],
    ['expires_at above the policy', { expires_at: NOW + 604_801 }, 'expires_at'],
    ['expires_at in milliseconds', { expires_at: (NOW + 60) * 1000 }, 'expires_at'],
    ['both', { expires_in: 60, expires_at: NOW + 60 }, 'expires_at'],
    ['an address that is none', { ip: 'localhost' }, 'ip'],
    ['an integer address too large', { ip: 4294967296 }, 'ip'],
    ['no addresses', { ip: [] }, 'ip'],
    ['max_parallel_downloads 0', { max_parallel_downloads: 0 }, 'max_parallel_downloads'],
    ['max_parallel_downloads as text', { max_parallel_downloads: '1' }, 'max_parallel_downloads'],
    ['anti_fraud as text', { anti_fraud: 'false' }, 'anti_fraud'],
    ['streaming as a number', { streaming: 1 }, 'streaming'],
    ['a filename with a slash', { filename: 'a/b' }, 'filename'],
    ['a filename of 256 bytes', { filename: 'ü'.repeat(128) }, 'filename'],
    ['a tag of 65 bytes', { autograph_tag: 'x'.repeat(65) }, 'autograph_tag'],
    ['a tag without a key for tags', { autograph_tag: 'x' }, 'autograph_tag'],
    ['multi_use as text', { multi_use: 'no' }, 'multi_use'],
    ['multi_use null', { multi_use: null }, 'multi_use'],
    ['rate 0', { rate: 0 }, 'rate'],
    ['a fraction as rate', { rate: 1.5 }, 'rate'],
    ['accessRules that are none', { accessRules: [{ type: 'any' }] }, 'accessRules'],
    ['an empty subject', { subject: '' }, 'subject'],
    ['a jti with a blank', { jti: 'a b' }, 'jti'],
    ['nbf at the expiry', { nbf: NOW + 3600 }, 'nbf'],
    ['nbf as text', { nbf: '1' }, 'nbf'],
    ['an iat so old that the link would be refused', { iat: NOW - 604_800 }, 'iat'],
  ])('%s', (_what, request, field) => {
    expect(refusedField(request)).toBe(field)
  })

  it.each<[string, Partial<MintRequest>, object, string]>([
    ['no address where the policy requires one', {}, { address: { pin: 'required' } }, 'ip'],
    ['more speed than the policy has', { rate: 1001 }, { rate: { bytesPerSecond: 1000 } }, 'rate'],
    [
      'more downloads than the policy has',
      { max_parallel_downloads: 4 },
      { parallel: { maxDownloads: 3 } },
      'max_parallel_downloads',
    ],
    [
      'a longer life than the policy has',
      { expires_in: 61 },
      { lifetime: { maxSeconds: 60 } },
      'expires_in',
    ],
    [
      'more than ten years, whatever the policy says',
      { expires_in: 400_000_000 },
      { lifetime: { maxSeconds: 1e9 } },
      'expires_in',
    ],
  ])('%s', (_what, request, policy, field) => {
    expect(refusedField(request, policy)).toBe(field)
  })

  it.each<[Partial<MintRequest>, object]>([
    [{ ip: 3232236033 }, { address: { pin: 'required' } }],
    [{ rate: 1000 }, { rate: { bytesPerSecond: 1000 } }],
    [{ max_parallel_downloads: 3 }, { parallel: { maxDownloads: 3 } }],
    [{ expires_in: 60 }, { lifetime: { maxSeconds: 60 } }],
    [{}, { lifetime: { maxSeconds: 60 } }],
    [{ nbf: NOW + 3599 }, {}],
    [{ iat: NOW + 3600 - 604_800 }, {}],
  ])('the bound itself is allowed: %j under %j', (request, policy) => {
    expect(() => minted(request, policy)).not.toThrow()
  })

  it('flags are read as text: numbers and booleans in words', () => {
    expect(refusedField({ max_parallel_downloads: 'two' }, {}, 'text')).toBe(
      'max_parallel_downloads',
    )
    expect(refusedField({ streaming: 'yes' }, {}, 'text')).toBe('streaming')
    expect(refusedField({ accessRules: '[{' }, {}, 'text')).toBe('accessRules')
    const link = minted(
      { max_parallel_downloads: '2', streaming: 'true', ip: '192.168.2.1,10.0.0.0/8' },
      {},
      'text',
    )
    expect(link.url).toContain(
      'ip=3232236033%2C10.0.0.0%2F8&max_parallel_downloads=2&streaming=true',
    )
  })

  const tagKey = secretKey('t1', 3, { schemes: new Set(['sluice-tag']) })

  it.each([
    ['/files/a.mp4', 'minted'],
    ['/files/a.MP4', 'minted'],
    ['/files/a%2Epdf', 'minted'],
    ['/files/a.b.zip', 'minted'],
    ['/jwt/season/*', 'minted'],
    ['/jwt/a.mp4/*', 'minted'],
    ['/files/a.webm', "video/webm can't carry a tag"],
    ['/files/a.txt', "text/plain can't carry a tag"],
    ['/files/mp4', "application/octet-stream can't carry a tag"],
    ['/files/a.mp4/b', "application/octet-stream can't carry a tag"],
  ])('a tag for %s: %s', (path, expected) => {
    const desk = makeDesk({}, [secretKey('k1', 1), tagKey])
    const result = mintLink(desk, { path, autograph_tag: 'copy 12' }, 'json')
    expect('field' in result ? result : 'minted').toEqual(
      expected === 'minted' ? expected : { field: 'autograph_tag', message: expected },
    )
  })

  it('a tag needs a key that is active now', () => {
    for (const key of [
      { ...tagKey, retireAt: NOW },
      { ...tagKey, notBefore: NOW + 1 },
    ]) {
      const desk = makeDesk({}, [secretKey('k1', 1), key])
      expect(mintLink(desk, { path: '/files/a.mp4', autograph_tag: 'x' }, 'json')).toEqual({
        field: 'autograph_tag',
        message: 'there is no active key for sluice-tag',
      })
    }
  })

  it('without an active key that signs, the scheme is the problem', () => {
    for (const key of [
      secretKey('k1', 1, { retireAt: NOW }),
      secretKey('k1', 1, { signKey: undefined }),
      secretKey('k1', 1, { schemes: new Set(['sluice-jwt']) }),
    ]) {
      expect(mintLink(makeDesk({}, [key]), { path: PATH }, 'json')).toMatchObject({
        field: 'scheme',
      })
    }
  })
})

describe('of a route with formats of others', () => {
  const foreign = keycdn.create(keycdn.options.parse({}), { isIgnored: () => false })
  const desk = (...schemes: Scheme[]): TestDesk => {
    const keys = new KeyRing([
      secretKey('native', 1),
      { ...secretKey('vendor', 2), schemes: new Set(['keycdn']), alg: 'MD5' },
    ])
    const route = {
      path: '/files/',
      originName: 'memory',
      origin: new MemoryOrigin({}),
      verifier: new LinkVerifier(schemes, keys),
      policy: policyOf(),
    }
    return { ...makeDesk(), keys, routes: new RouteTable([route]) }
  }
  const hmac = new SluiceHmac({ isIgnored: () => false })

  it('the first native one is the default, else the first', () => {
    expect(mintLink(desk(foreign, hmac), { path: PATH }, 'json')).toMatchObject({
      scheme: 'sluice-hmac',
    })
    expect(mintLink(desk(foreign), { path: PATH }, 'json')).toMatchObject({ scheme: 'keycdn' })
    expect(mintLink(desk(hmac, foreign), { path: PATH, scheme: 'keycdn' }, 'json')).toMatchObject({
      scheme: 'keycdn',
      kid: 'vendor',
    })
  })

  it('what such a link cannot say is refused by its field', () => {
    expect(mintLink(desk(foreign), { path: PATH, rate: 5 }, 'json')).toEqual({
      field: 'rate',
      message: 'a link of keycdn cannot say it',
    })
    expect(mintLink(desk(foreign), { path: '/files/*' }, 'json')).toMatchObject({ field: 'path' })
    expect(mintLink(desk(foreign), { path: PATH, multi_use: true }, 'json')).toMatchObject({
      scheme: 'keycdn',
    })
  })
})
