import { type JWTPayload, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { type Key, KeyRing } from '../../../../src/link/key-ring.ts'
import {
  CloudflareStream,
  cloudflareStream,
  type CloudflareStreamOptions,
} from '../../../../src/link/schemes/cloudflare-stream.ts'
import type { Verification } from '../../../../src/link/scheme.ts'
import { LinkVerifier } from '../../../../src/link/verify-link.ts'
import { decide } from '../../../../src/policy/decide.ts'
import type { CanonicalPath } from '../../../../src/request/canonical-path.ts'
import type { RequestContext } from '../../../../src/request/request-context.ts'
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

const KEY: Key = { ...pairKey('rsa', 'rs', 'RS256'), schemes: new Set(['cloudflare-stream']) }
const VIDEO = '5d5bc37ffcf54c9b82e996823bffbb81'
/** The context of a request whose path carries the token. */
const PATH: ContextParts = { scheme: new CloudflareStream() }

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
  return reasonOf(verifierOf().verify(contextOf(`/${token}/downloads/default.mp4`, PATH)))
}

function reasonOf(verification: Verification): string {
  return verification.outcome === 'refused' ? verification.refusal.reason : verification.outcome
}

for (const location of ['path', 'query'] as const) {
  linkFormatContract(`cloudflare-stream in the ${location}`, () => ({
    scheme: new CloudflareStream({ location }),
    keys: [KEY],
    folder: `/${VIDEO}/`,
    opensSiblings: true,
  }))
}

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
    const context = contextOf(`/${token}/downloads/default.mp4`, PATH)
    const native = { ...KEY, schemes: new Set(['sluice-jwt']) }
    expect(reasonOf(verifierOf({}, [native]).verify(context))).toBe('link_key_unknown')
    expect(reasonOf(verifierOf({}, [secretKey('rs', 1)]).verify(context))).toBe('link_key_unknown')
  })
})

describe('the rules of a token', () => {
  const judge = async (rules: readonly object[], parts: ContextParts): Promise<string> => {
    const token = await tokenOf({ accessRules: rules })
    const context = contextOf(`/${token}/downloads/default.mp4`, { ...PATH, ...parts })
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
  const request = {
    path: `/${VIDEO}/downloads/default.mp4`,
    expiresAt: NOW + 60,
    constraints,
    site: SITE,
  }

  it.each<CloudflareStreamOptions>([
    { downloadPath: '/downloads/' },
    { downloadPath: '/downloads/', location: 'query', param: 'sig' },
  ])('says what was asked for: %o', (options) => {
    const link = new CloudflareStream(options).sign(request, KEY)
    const target = 'target' in link ? link.target : ''
    const verified = verifierOf(options).verify(
      contextOf(target, { scheme: new CloudflareStream(options) }),
    )
    expect(verified).toMatchObject({
      outcome: 'granted',
      grant: { linkId: 'a', countKey: 'rs/a', validUntil: NOW + 60, constraints },
    })
  })

  it('says what Cloudflare has a claim for, and nothing else', () => {
    expect([...new CloudflareStream({}).expresses].sort()).toEqual([
      'accessRules',
      'iat',
      'jti',
      'nbf',
    ])
  })
})

describe('a token in the path', () => {
  const cut = (path: string, options: CloudflareStreamOptions = {}): string | undefined =>
    new CloudflareStream(options).cutPath(path)

  it('stands for the id that it names', async () => {
    const token = await tokenOf({})
    expect(cut(`/${token}/manifest/video.m3u8`)).toBe(`/${VIDEO}/manifest/video.m3u8`)
    expect(cut(`/${token}`)).toBe(`/${VIDEO}`)
    expect(cut(`/${VIDEO}/manifest/video.m3u8`)).toBeUndefined()
    const options = { subjectFromPath: '^/videos/([^/]+)/' }
    expect(cut(`/videos/${token}/a.mp4`, options)).toBe(`/videos/${VIDEO}/a.mp4`)
  })

  it('stands in no other place', async () => {
    const token = await tokenOf({})
    expect(cut(`/private/${token}/a.mp4`)).toBeUndefined()
    expect(cut(`/${VIDEO}/${token}/a.mp4`)).toBeUndefined()
    expect(cut(`/${token}/a.mp4`, { location: 'query' })).toBeUndefined()
  })

  it('that names no id is taken out and refused', async () => {
    const tokens = [await tokenOf({ sub: '../private' }), 'eyJhbGciOiJSUzI1NiJ9.e.x', 'eyJ.e']
    for (const token of tokens) {
      const context = contextOf(`/${token}/a.mp4`, PATH)
      expect(context.path).toBe('/a.mp4')
      expect([token, judgeWith(context)]).toEqual([
        token,
        expect.stringMatching(/^link_(?:malformed|resource_mismatch)$/),
      ])
    }
  })

  it('has no other beside it', async () => {
    const token = await tokenOf({})
    const context = contextOf(`/${token}/${token}/a.mp4`, PATH)
    expect(reasonOf(verifierOf().verify(context))).toBe('link_malformed')
  })

  it('is verified once for all files of its video, and each is judged', async () => {
    const token = await tokenOf({})
    const options = { downloadPath: '/downloads/' }
    expect(judgeWith(contextOf(`/${token}/segment-1.ts`, PATH), options)).toBe('permit')
    expect(judgeWith(contextOf(`/${token}/downloads/default.mp4`, PATH), options)).toBe(
      'link_resource_mismatch',
    )
    const scheme = new CloudflareStream(options)
    const texts = ['1', '2'].map((name) => scheme.find(contextOf(`/${token}/${name}.ts`, PATH)))
    expect(texts[0]).toEqual(texts[1])
  })
})

function judgeWith(context: RequestContext, options: CloudflareStreamOptions = {}): string {
  const verified = verifierOf(options).verify(context)
  if (verified.outcome !== 'granted') return reasonOf(verified)
  return decide(verified.grant, context, policyOf(), historyOf()).refusal?.reason ?? 'permit'
}

describe('a token in a parameter', () => {
  const options = { location: 'query', subjectFromPath: '^/([0-9a-f]{32})/' } as const

  it('that comes twice is refused, even if one of them is good', async () => {
    const token = await tokenOf({})
    const verifier = verifierOf({ location: 'query' })
    const target = `/${VIDEO}/a.mp4?token=${token}`
    expect(reasonOf(verifier.verify(contextOf(target)))).toBe('granted')
    expect(reasonOf(verifier.verify(contextOf(`${target}&token=x`)))).toBe('link_malformed')
    expect(reasonOf(verifier.verify(contextOf(`/${VIDEO}/a.mp4`)))).toBe('absent')
  })

  it.each(['..', '%2e%2E', '.'])('opens no path with %s', async (dots) => {
    const path = `/${VIDEO}/${dots}/other/default.mp4`
    const target = { rawPath: path, rawQuery: `token=${await tokenOf({})}` }
    const context = { ...contextOf('/files/a'), path: path as CanonicalPath, target }
    expect(judgeWith(context, options)).toBe('link_resource_mismatch')
  })

  it('opens the video that the path names', async () => {
    const token = await tokenOf({})
    expect(judgeWith(contextOf(`/${VIDEO}/a.mp4?token=${token}`), options)).toBe('permit')
    expect(judgeWith(contextOf(`/${'0'.repeat(32)}/a.mp4?token=${token}`), options)).toBe(
      'link_resource_mismatch',
    )
    expect(judgeWith(contextOf(`/a/${VIDEO}/a.mp4?token=${token}`), options)).toBe(
      'link_resource_mismatch',
    )
  })
})

describe('the options', () => {
  const parse = (options: object): boolean => cloudflareStream.options.safeParse(options).success

  it('take a pattern with a group, and as many rules as a token may have', () => {
    expect(parse({ subjectFromPath: '^/videos/([^/]+)/' })).toBe(true)
    expect(parse({ subjectFromPath: '^/videos/' })).toBe(false)
    expect(parse({ subjectFromPath: '^/(' })).toBe(false)
    expect(parse({ maxRules: 2 })).toBe(true)
    expect(parse({ maxRules: 6 })).toBe(false)
  })

  it('fewer rules are a narrower bound', async () => {
    const accessRules = Array.from({ length: 2 }, () => ({ type: 'any', action: 'allow' }))
    const context = contextOf(`/${await tokenOf({ accessRules })}/a.mp4`, PATH)
    expect(reasonOf(verifierOf({ maxRules: 2 }).verify(context))).toBe('granted')
    expect(reasonOf(verifierOf({ maxRules: 1 }).verify(context))).toBe('link_malformed')
  })
})
