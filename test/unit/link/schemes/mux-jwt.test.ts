import { createHmac } from 'node:crypto'
import { type JWTPayload, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { type Key, KeyRing } from '../../../../src/link/key-ring.ts'
import { MuxJwt, type MuxJwtOptions } from '../../../../src/link/schemes/mux-jwt.ts'
import { LinkVerifier } from '../../../../src/link/verify-link.ts'
import { decide } from '../../../../src/policy/decide.ts'
import type { CanonicalPath } from '../../../../src/request/canonical-path.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import {
  contextOf,
  historyOf,
  NOW,
  pairKey,
  policyOf,
  SITE,
  secretKey,
} from '../../../support/request-parts.ts'

const SCHEME = new Set(['mux-jwt'])
const KEY: Key = { ...pairKey('rsa', 'muxkid', 'RS256'), schemes: SCHEME }
const ID = 'pLaYbAcKiD0001'

linkFormatContract('mux-jwt', () => ({
  scheme: new MuxJwt(),
  keys: [KEY],
  folder: `/${ID}/`,
  opensSiblings: true,
}))

async function tokenOf(claims: JWTPayload = {}, header: object = {}): Promise<string> {
  return new SignJWT({ kid: KEY.kid, sub: ID, aud: 'v', exp: NOW + 60, ...claims })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...header })
    .sign(KEY.signKey!)
}

function outcome(url: string, options: MuxJwtOptions = {}, now = NOW, keys = [KEY]): string {
  const scheme = new MuxJwt(options)
  const context = contextOf(url, { now, scheme })
  const result = new LinkVerifier([scheme], new KeyRing(keys)).verify(context)
  if (result.outcome === 'refused') return result.refusal.reason
  if (result.outcome === 'absent') return 'absent'
  return decide(result.grant, context, policyOf(), historyOf()).refusal?.reason ?? 'permit'
}

describe('the playback id', () => {
  it('is the first segment of the path, or its stem', async () => {
    const token = await tokenOf()
    expect(outcome(`/${ID}.m3u8?token=${token}`)).toBe('permit')
    expect(outcome(`/${ID}/high.mp4?token=${token}`)).toBe('permit')
    expect(outcome(`/${ID}2.m3u8?token=${token}`)).toBe('link_resource_mismatch')
    expect(outcome(`/other/${ID}.m3u8?token=${token}`)).toBe('link_resource_mismatch')
    expect(outcome(`/${ID}?token=${token}`)).toBe('link_resource_mismatch')
  })

  it.each(['..', '%2e%2E', '.'])('is not looked for in a path with %s', async (dots) => {
    const path = `/${ID}/${dots}/other.m3u8`
    const target = { rawPath: path, rawQuery: `token=${await tokenOf()}` }
    const context = { ...contextOf('/files/a'), path: path as CanonicalPath, target }
    const result = new LinkVerifier([new MuxJwt()], new KeyRing([KEY])).verify(context)
    if (result.outcome !== 'granted') throw new Error('the token does not hold')
    const { refusal } = decide(result.grant, context, policyOf(), historyOf())
    expect(refusal?.reason).toBe('link_resource_mismatch')
  })

  it('stands where the operator says', async () => {
    const options = { subjectFromPath: '^/videos/([^/.]+)' }
    const token = await tokenOf()
    expect(outcome(`/videos/${ID}.m3u8?token=${token}`, options)).toBe('permit')
    expect(outcome(`/${ID}.m3u8?token=${token}`, options)).toBe('link_resource_mismatch')
  })
})

describe('the audience', () => {
  it.each([
    ['v', 'high.mp4', 'permit'],
    ['t', 'thumbnail.jpg', 'permit'],
    ['g', 'animated.gif', 'permit'],
    ['g', 'animated.webp', 'permit'],
    ['s', 'storyboard.vtt', 'permit'],
    ['v', 'thumbnail.jpg', 'link_audience_mismatch'],
    ['t', 'high.mp4', 'link_audience_mismatch'],
    ['s', 'animated.gif', 'link_audience_mismatch'],
    ['d', 'high.mp4', 'link_audience_mismatch'],
    ['toString', 'high.mp4', 'link_audience_mismatch'],
  ])('%s for %s: %s', async (aud, file, reason) => {
    expect(outcome(`/${ID}/${file}?token=${await tokenOf({ aud })}`)).toBe(reason)
  })
})

describe('the claims', () => {
  it.each<[string, object, string]>([
    ['another key in header and payload', { kid: 'other' }, 'link_key_unknown'],
    ['no kid', { kid: undefined }, 'link_malformed'],
    ['no sub', { sub: undefined }, 'link_malformed'],
    ['no exp', { exp: undefined }, 'link_malformed'],
    ['an exp that is over', { exp: NOW }, 'link_expired'],
    ['an exp in milliseconds', { exp: NOW * 1000 }, 'link_malformed'],
    ['an nbf that is ahead', { nbf: NOW + 3600 }, 'link_not_yet_valid'],
    ['an nbf of text', { nbf: 'soon' }, 'link_malformed'],
    ['no aud', { aud: undefined }, 'link_audience_mismatch'],
    ['several audiences', { aud: ['v', 't'] }, 'link_audience_mismatch'],
    ['a restriction of Mux', { playback_restriction_id: 'x' }, 'link_constraint_unsupported'],
    ['a claim that restricts nothing', { viewer_id: 'x', width: 640 }, 'permit'],
  ])('with %s: %j is %s', async (_name, claims, reason) => {
    const token = await tokenOf(claims as JWTPayload)
    expect(outcome(`/${ID}.m3u8?token=${token}`, {}, NOW)).toBe(reason)
  })
})

describe('the signature', () => {
  it('is by the RSA key that kid names', async () => {
    const url = `/${ID}.m3u8?token=${await tokenOf()}`
    expect(outcome(url, {}, NOW, [secretKey(KEY.kid, 1, { schemes: SCHEME })])).toBe(
      'link_key_unknown',
    )
    const stranger = await tokenOf({ sub: 'other' })
    const [head, , signature] = stranger.split('.')
    const [, payload] = (await tokenOf()).split('.')
    expect(outcome(`/${ID}.m3u8?token=${head}.${payload}.${signature}`)).toBe(
      'link_signature_wrong',
    )
  })

  it('none, and an HMAC with the public key, open nothing', async () => {
    const payload = (await tokenOf()).split('.')[1]
    const pem = KEY.verifyKey.export({ type: 'spki', format: 'pem' })
    for (const alg of ['none', 'HS256']) {
      const header = Buffer.from(JSON.stringify({ alg, kid: KEY.kid })).toString('base64url')
      const mac = createHmac('sha256', pem).update(`${header}.${payload}`).digest('base64url')
      const token = `${header}.${payload}.${alg === 'none' ? '' : mac}`
      expect(outcome(`/${ID}.m3u8?token=${token}`)).toMatch(/^link_(?:key_unknown|malformed)$/)
    }
  })
})

it('a token that comes twice is refused; one of another shape is a weak sign', async () => {
  const token = await tokenOf()
  expect(outcome(`/${ID}.m3u8?token=${token}&token=${token}`)).toBe('link_malformed')
  expect(outcome(`/${ID}.m3u8`)).toBe('absent')
  expect(new MuxJwt().find(contextOf(`/${ID}.m3u8?token=abc`))).toMatchObject({ isWeak: true })
})

it.each([
  [`/${ID}/thumbnail.png`, 't'],
  [`/${ID}/storyboard.png`, 's'],
  [`/${ID}.m3u8`, 'v'],
])('a link to %s is signed for the audience %s', (path, aud) => {
  const link = new MuxJwt().sign({ path, expiresAt: NOW + 9, constraints: {}, site: SITE }, KEY)
  const payload = 'target' in link ? link.target.split('.').at(-2) : ''
  expect(JSON.parse(Buffer.from(payload ?? '', 'base64url').toString())).toMatchObject({
    aud,
    sub: ID,
    exp: NOW + 9,
  })
})

it('a link to a path without an id is not signed', () => {
  const request = { path: '/a%20b.m3u8', expiresAt: NOW, constraints: {}, site: SITE }
  expect(new MuxJwt().sign(request, KEY)).toMatchObject({ reason: 'link_constraint_unsupported' })
})
