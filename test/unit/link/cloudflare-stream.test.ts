import { readFileSync } from 'node:fs'
import { type JWTPayload, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { type Key, KeyRing } from '../../../src/link/key-ring.ts'
import {
  CloudflareStream,
  type CloudflareStreamOptions,
} from '../../../src/link/schemes/cloudflare-stream.ts'
import type { Verification } from '../../../src/link/scheme.ts'
import { LinkVerifier } from '../../../src/link/verify-link.ts'
import { replayVector, type Vector } from '../../../src/operator/replay-vector.ts'
import { decide } from '../../../src/policy/decide.ts'
import {
  contextOf,
  type ContextParts,
  historyOf,
  NOW,
  pairKey,
  policyOf,
  secretKey,
} from '../../support/request-parts.ts'

const VECTORS = JSON.parse(
  readFileSync(new URL('../../vectors/cloudflare-stream.json', import.meta.url), 'utf8'),
) as Vector[]

const KEY: Key = { ...pairKey('rsa', 'rs', 'RS256'), schemes: new Set(['cloudflare-stream']) }
const VIDEO = '5d5bc37ffcf54c9b82e996823bffbb81'

function verifierOf(options: CloudflareStreamOptions = {}, keys = [KEY]): LinkVerifier {
  return new LinkVerifier([new CloudflareStream(options)], new KeyRing(keys))
}

async function tokenOf(claims: JWTPayload, header: object = { kid: 'rs' }): Promise<string> {
  return new SignJWT({ sub: VIDEO, exp: NOW + 60, ...claims })
    .setProtectedHeader({ alg: 'RS256', ...header })
    .sign(KEY.signKey!)
}

async function outcome(claims: object, header?: object): Promise<string> {
  const token = await tokenOf(claims as JWTPayload, header)
  return reasonOf(verifierOf().verify(contextOf(`/${token}/downloads/default.mp4`)))
}

function reasonOf(verification: Verification): string {
  return verification.outcome === 'refused' ? verification.refusal.reason : verification.outcome
}

describe('the vectors of cloudflare-stream', () => {
  it.each(VECTORS.map((vector) => [vector.name, vector] as const))('%s', (_name, vector) => {
    expect(replayVector(vector)).toBeUndefined()
  })

  it('fail when the expectation is turned round', () => {
    for (const vector of VECTORS) {
      const turned = { ...vector, expect: vector.expect === 'allow' ? 'deny' : 'allow' } as const
      const said = [vector.name, expect.stringContaining('expected')]
      expect([vector.name, replayVector(turned)]).toEqual(said)
    }
  })
})

describe('the claims of a token', () => {
  it.each([
    ['times as text, as the platform issues them', { exp: `${NOW + 60}`, nbf: `${NOW - 60}` }],
    ['downloadable', { downloadable: true }],
    ['no rules in the list', { accessRules: [] }],
    ['a claim that means nothing here', { flags: { original: true } }],
    [
      'five rules',
      { accessRules: Array.from({ length: 5 }, () => ({ type: 'any', action: 'allow' })) },
    ],
  ])('%s: granted', async (_name, claims) => {
    expect(await outcome(claims)).toBe('granted')
  })

  it.each([
    ['no sub', { sub: undefined }],
    ['a sub that is no text', { sub: 7 }],
    ['no exp', { exp: undefined }],
    ['an exp in milliseconds', { exp: NOW * 1000 }],
    ['an exp with a fraction', { exp: NOW + 0.5 }],
    ['an exp of other text', { exp: 'soon' }],
    ['an nbf of other text', { nbf: '-1' }],
    ['downloadable as text', { downloadable: 'true' }],
    [
      'six rules',
      { accessRules: Array.from({ length: 6 }, () => ({ type: 'any', action: 'allow' })) },
    ],
    ['a rule of no type', { accessRules: [{ type: '', action: 'allow', country: ['GB'] }] }],
    ['a rule without its list', { accessRules: [{ type: 'ip.src', action: 'block' }] }],
    ['rules that are no list', { accessRules: { type: 'any', action: 'allow' } }],
  ])('%s: malformed', async (_name, claims) => {
    expect(await outcome(claims)).toBe('link_malformed')
  })

  it('an audience is somebody else', async () => {
    expect(await outcome({ aud: 'shop' })).toBe('link_audience_mismatch')
  })
})

describe('the key of a token', () => {
  it('is named in the header, in the payload, or alike in both', async () => {
    expect(await outcome({}, { kid: 'rs' })).toBe('granted')
    expect(await outcome({ kid: 'rs' }, {})).toBe('granted')
    expect(await outcome({ kid: 'rs' }, { kid: 'rs' })).toBe('granted')
  })

  it('is not guessed, and not named in two ways', async () => {
    expect(await outcome({}, {})).toBe('link_malformed')
    expect(await outcome({ kid: 'other' }, { kid: 'rs' })).toBe('link_malformed')
    expect(await outcome({ kid: 7 }, {})).toBe('link_malformed')
    expect(await outcome({ kid: 'other' }, { kid: 'other' })).toBe('link_key_unknown')
  })

  it('is one for this format', async () => {
    const token = await tokenOf({})
    const context = contextOf(`/${token}/downloads/default.mp4`)
    const native = { ...KEY, schemes: new Set(['sluice-jwt']) }
    expect(reasonOf(verifierOf({}, [native]).verify(context))).toBe('link_key_unknown')
    expect(reasonOf(verifierOf({}, [secretKey('rs', 1)]).verify(context))).toBe('link_key_unknown')
  })
})

describe('the rules of a token', () => {
  const judge = async (rules: readonly object[], parts: ContextParts): Promise<string> => {
    const token = await tokenOf({ accessRules: rules })
    const context = contextOf(`/${token}/downloads/default.mp4`, parts)
    const verified = verifierOf().verify(context)
    if (verified.outcome !== 'granted') return verified.outcome
    return decide(verified.grant, context, policyOf(), historyOf()).refusal?.reason ?? 'permit'
  }
  const britain = { type: 'ip.geoip.country', action: 'allow', country: ['GB'] }
  const noV4 = { type: 'ip.src', action: 'block', ip: ['0.0.0.0/0'] }
  const rest = { type: 'any', action: 'block' }

  it('the first that matches decides, and none that matches allows', async () => {
    expect(await judge([britain, rest], { country: 'GB' })).toBe('permit')
    expect(await judge([britain, rest], { country: 'FR' })).toBe('country_not_allowed')
    expect(await judge([rest, britain], { country: 'GB' })).toBe('country_not_allowed')
    expect(await judge([britain], { country: 'FR' })).toBe('permit')
  })

  it('an IPv4 rule does not see an IPv6 client', async () => {
    expect(await judge([noV4], { client: '192.0.2.1' })).toBe('address_not_allowed')
    expect(await judge([noV4], { client: '2001:db8::1' })).toBe('permit')
  })

  it('one that cannot be evaluated lets nobody fall through', async () => {
    expect(await judge([britain], {})).toBe('country_not_allowed')
    expect(await judge([noV4], { client: undefined })).toBe('address_not_allowed')
  })
})

describe('a token that is signed here', () => {
  const constraints = {
    jti: 'a',
    iat: NOW,
    nbf: NOW - 9,
    accessRules: [{ type: 'any', action: 'allow' }],
  } as const
  const request = { path: `/${VIDEO}/downloads/default.mp4`, expiresAt: NOW + 60, constraints }

  it.each<CloudflareStreamOptions>([
    { downloadPath: '/downloads/' },
    { downloadPath: '/downloads/', location: 'query', param: 'sig' },
  ])('says what was asked for: %o', (options) => {
    const link = new CloudflareStream(options).sign(request, KEY)
    const target = 'target' in link ? link.target : ''
    const verified = verifierOf(options).verify(contextOf(target))
    expect(verified).toMatchObject({
      outcome: 'granted',
      grant: { linkId: 'a', countKey: 'rs/a', validUntil: NOW + 60, constraints },
    })
  })

  it('cannot say what Cloudflare has no claim for', () => {
    const more = { ...request, constraints: { rate: 1 } }
    expect(new CloudflareStream({}).sign(more, KEY)).toMatchObject({
      reason: 'link_constraint_unsupported',
      detail: expect.stringMatching(/^rate: /) as string,
    })
  })
})

it('a parameter that comes twice is refused, even if one of them is good', async () => {
  const token = await tokenOf({})
  const verifier = verifierOf({ location: 'query' })
  const target = `/${VIDEO}/a.mp4?token=${token}`
  expect(reasonOf(verifier.verify(contextOf(target)))).toBe('granted')
  expect(reasonOf(verifier.verify(contextOf(`${target}&token=x`)))).toBe('link_ambiguous')
  expect(reasonOf(verifier.verify(contextOf(`/${VIDEO}/a.mp4`)))).toBe('absent')
})
