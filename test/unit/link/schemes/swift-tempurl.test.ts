import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseNetwork } from '../../../../src/base/address.ts'
import { covers, type Grant } from '../../../../src/link/grant.ts'
import { KeyRing } from '../../../../src/link/key-ring.ts'
import {
  SwiftTempUrl,
  type SwiftTempUrlOptions,
} from '../../../../src/link/schemes/swift-tempurl.ts'
import type { Found, Verification } from '../../../../src/link/scheme.ts'
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
  SITE,
  secretKey,
} from '../../../support/request-parts.ts'

const SCHEME = new Set(['swift-tempurl'])
const KEY = secretKey('account-1', 1, { schemes: SCHEME })
const OTHER_KEY = secretKey('container-1', 2, { schemes: SCHEME, alg: 'HS512' })
const FOLDER = '/v1/AUTH_acct/media/'

linkFormatContract('swift-tempurl', () => ({
  scheme: new SwiftTempUrl(),
  keys: [KEY, OTHER_KEY],
  folder: FOLDER,
  narrow: ({ ip, ...rest }) => ({ ...rest, ...(ip && { ip: ip.slice(0, 1) }) }),
}))

interface Signed {
  readonly method?: string
  readonly expires?: number | string
  readonly digest?: string
  readonly encoding?: 'hex' | 'base64' | 'base64url'
  readonly more?: string
  readonly signedPath?: string
  readonly range?: string
}

/** A signed target by the published formula. */
function linkOf(path: string, signed: Signed = {}): string {
  const { method = 'GET', expires = NOW + 60, digest = 'sha256', encoding = 'hex' } = signed
  const { more = '', signedPath = decodeURIComponent(path), range } = signed
  const lines = [...(range === undefined ? [] : [`ip=${range}`]), method, NOW + 60, signedPath]
  const mac = createHmac(digest, KEY.verifyKey).update(lines.join('\n')).digest(encoding)
  const sig = encoding === 'hex' ? mac : `${digest}:${encodeURIComponent(mac)}`
  return `${path}?temp_url_sig=${sig}&temp_url_expires=${expires}${more}`
}

function verify(url: string, parts: ContextParts = {}, options: SwiftTempUrlOptions = {}) {
  const scheme = new SwiftTempUrl(options)
  const context = contextOf(url, { ...parts, scheme })
  const result: Verification = new LinkVerifier([scheme], new KeyRing([OTHER_KEY, KEY])).verify(
    context,
  )
  return { result, context }
}

function outcome(url: string, parts: ContextParts = {}, options: SwiftTempUrlOptions = {}): string {
  const { result, context } = verify(url, parts, options)
  if (result.outcome === 'refused') return result.refusal.reason
  if (result.outcome === 'absent') return 'absent'
  return decide(result.grant, context, policyOf(), historyOf()).refusal?.reason ?? 'permit'
}

function grantOf(url: string): Grant {
  const { result } = verify(url)
  if (result.outcome === 'granted') return result.grant
  throw new Error(JSON.stringify(result))
}

const FILM = `${FOLDER}video/film.mp4`

describe('the signature of a TempURL', () => {
  it.each<[string, Signed]>([
    ['SHA-256 in hex', {}],
    ['SHA-512 in base64url', { digest: 'sha512', encoding: 'base64url' }],
    ['SHA-512 in hex', { digest: 'sha512' }],
    ['SHA-256 in base64, padded', { encoding: 'base64' }],
  ])('may be %s', (_name, signed) => {
    expect(outcome(linkOf(FILM, signed))).toBe('permit')
  })

  it('uses the digests that are allowed', () => {
    const sha1 = linkOf(FILM, { digest: 'sha1' })
    expect(outcome(sha1)).toBe('link_malformed')
    expect(outcome(sha1, {}, { allowedDigests: ['sha1'] })).toBe('permit')
    expect(outcome(linkOf(FILM), {}, { allowedDigests: ['sha1'] })).toBe('link_malformed')
  })

  it.each([
    ['cut', (sig: string) => sig.slice(0, 40)],
    ['empty', () => ''],
    ['in upper case', (sig: string) => sig.toUpperCase()],
    ['of a digest that is not named', (sig: string) => `md5:${sig}`],
    ['named as another digest', () => `sha512:${Buffer.alloc(32).toString('base64url')}`],
  ])('%s is no signature', (_name, change) => {
    const link = linkOf(FILM).replace(/(?<=sig=)[0-9a-f]+/, change)
    expect(outcome(link, {}, { allowedDigests: ['sha1', 'sha256', 'sha512'] })).toMatch(
      /^link_(?:malformed|signature_wrong)$/,
    )
  })

  it('is over the decoded path', () => {
    const path = `${FOLDER}a%20b%C3%BC+.mp4`
    expect(outcome(linkOf(path))).toBe('permit')
    expect(outcome(linkOf(path, { signedPath: path }))).toBe('link_signature_wrong')
  })

  it('of a public key taken for a secret never holds', () => {
    const scheme = new SwiftTempUrl()
    const rsa = { ...pairKey('rsa', 'rs', 'RS256'), schemes: SCHEME }
    const context = contextOf(linkOf(FILM), { scheme })
    expect(new LinkVerifier([scheme], new KeyRing([rsa])).verify(context)).toMatchObject({
      refusal: { reason: 'link_key_unknown' },
    })
  })
})

describe('the method of a TempURL', () => {
  it('GET and PUT open HEAD, too; nothing else stands in for another', () => {
    expect(outcome(linkOf(FILM), { method: 'HEAD' })).toBe('permit')
    expect(outcome(linkOf(FILM, { method: 'PUT' }), { method: 'HEAD' })).toBe('permit')
    expect(outcome(linkOf(FILM, { method: 'HEAD' }), { method: 'HEAD' })).toBe('permit')
    expect(outcome(linkOf(FILM, { method: 'HEAD' }))).toBe('link_signature_wrong')
    expect(outcome(linkOf(FILM, { method: 'DELETE' }), { method: 'HEAD' })).toBe(
      'link_signature_wrong',
    )
    expect(outcome(linkOf(FILM, { method: 'PUT' }), { method: 'PUT' })).toBe('method_not_allowed')
  })

  it('HEAD counts as the same link', () => {
    const { result } = verify(linkOf(FILM), { method: 'HEAD' })
    expect(result).toMatchObject({ grant: { countKey: grantOf(linkOf(FILM)).countKey } })
  })
})

describe('the expiry of a TempURL', () => {
  it('may be ISO 8601, and is signed as a number', () => {
    const expires = new Date((NOW + 60) * 1000).toISOString().replace('.000Z', 'Z')
    expect(outcome(linkOf(FILM, { expires }))).toBe('permit')
    expect(outcome(linkOf(FILM, { expires: encodeURIComponent(expires) }))).toBe('permit')
  })

  it.each([
    ['a day', '2027-01-15'],
    ['milliseconds', NOW * 1000],
    ['a sign', `+${NOW + 60}`],
    ['a fraction', `${NOW + 60}.0`],
    ['nothing', ''],
  ])('that is %s is malformed', (_name, expires) => {
    expect(outcome(linkOf(FILM, { expires }))).toBe('link_malformed')
  })

  it('is exclusive', () => {
    expect(outcome(linkOf(FILM), { now: NOW + 59 })).toBe('permit')
    expect(outcome(linkOf(FILM), { now: NOW + 60 })).toBe('link_expired')
  })
})

describe('a prefix', () => {
  const signed = { signedPath: `prefix:${FOLDER}video/`, more: '&temp_url_prefix=video/' }
  const link = linkOf(FILM, signed)

  it('opens what begins with it in its container', () => {
    expect(outcome(link)).toBe('permit')
    expect(outcome(link.replace('film.mp4', 'a/b.mp4'))).toBe('permit')
    expect(outcome(link.replace('/media/video/', '/media/vid/'))).toBe('link_resource_mismatch')
    expect(outcome(link.replace('/media/', '/other/'))).toBe('link_signature_wrong')
    expect(covers(grantOf(link).resource, contextOf(`${FOLDER}videos.mp4`))).toBe(false)
  })

  it('may be empty: the whole container', () => {
    const all = linkOf(FILM, { signedPath: `prefix:${FOLDER}`, more: '&temp_url_prefix=' })
    expect(outcome(all)).toBe('permit')
    expect(outcome(all.replace('video/film', 'x'))).toBe('permit')
  })

  it('is no link for the object of that name, nor the other way round', () => {
    expect(outcome(link.replace('&temp_url_prefix=video/', ''))).toBe('link_signature_wrong')
    expect(outcome(`${linkOf(FILM)}&temp_url_prefix=video/film.mp4`)).toBe('link_signature_wrong')
  })

  it.each(['video/../../x', 'video/%2e%2e/x', 'video%2Fx', 'video%5cx'])(
    'is not left by %s',
    (object) => {
      expect(foundAt(FOLDER + object)).toMatchObject({ outcome: 'refused' })
    },
  )

  it.each(['video/a%2541', 'video/a//b', 'video/a/'])('holds %s, too', (object) => {
    expect(foundAt(FOLDER + object)).toMatchObject({ outcome: 'found' })
  })

  function foundAt(rawPath: string): Found {
    const scheme = new SwiftTempUrl()
    const context = contextOf(link, { scheme })
    return scheme.find({ ...context, target: { ...context.target, rawPath } })
  }
})

describe('what stands beside the signature', () => {
  it('the range is signed and binds the client', () => {
    const range = '192.0.2.0/24'
    const link = linkOf(FILM, { range, more: `&temp_url_ip_range=${encodeURIComponent(range)}` })
    expect(outcome(link)).toBe('permit')
    expect(outcome(link, { client: '192.0.3.1' })).toBe('address_not_allowed')
    expect(outcome(link, { client: undefined })).toBe('address_not_allowed')
    expect(outcome(`${linkOf(FILM)}&temp_url_ip_range=192.0.2.1`)).toBe('link_signature_wrong')
    expect(outcome(linkOf(FILM, { range: 'home', more: '&temp_url_ip_range=home' }))).toBe(
      'link_malformed',
    )
  })

  it('filename and inline only present the file', () => {
    const { constraints } = grantOf(`${linkOf(FILM)}&filename=my%20film.mp4&inline`)
    expect(constraints).toEqual({ filename: 'my film.mp4', streaming: true })
  })

  it.each(['', 'a%0D%0Ab', '..%2Fa', '..', '%zz'])(
    'a filename of "%s" is none, and refuses nothing',
    (name) => {
      expect(grantOf(`${linkOf(FILM)}&filename=${name}`).constraints).toEqual({})
    },
  )

  it('nothing that is read comes twice', () => {
    const more = ['temp_url_sig=x', `temp_url_expires=${NOW + 60}`, 'filename=a&filename=a']
    for (const pair of more) {
      expect([pair, outcome(`${linkOf(FILM)}&${pair}`)]).toEqual([pair, 'link_malformed'])
    }
  })

  it('a line feed in the path adds no line', () => {
    const scheme = new SwiftTempUrl()
    const context = contextOf(linkOf(FILM), { scheme })
    const target = { ...context.target, rawPath: `${FOLDER}a%0Ab` }
    expect(scheme.find({ ...context, target })).toMatchObject({ outcome: 'refused' })
  })

  it('a path of another shape is refused, and a request without a signature is absent', () => {
    expect(outcome(linkOf('/media/film.mp4'))).toBe('link_malformed')
    expect(outcome(`${FILM}?temp_url_expires=${NOW + 60}`)).toBe('absent')
    expect(outcome(linkOf(FILM).replace(/&temp_url_expires.*/, ''))).toBe('link_malformed')
  })
})

describe('a TempURL that is signed here', () => {
  const request = { path: FILM, expiresAt: NOW + 60, constraints: {}, site: SITE }
  const networks = ['192.0.2.0/24', '10.0.0.0/8'].map((text) => parseNetwork(text)!)

  it.each([
    ['two networks', { constraints: { ip: networks } }, /^ip: /],
    ['a path outside of a container', { path: '/media/film.mp4' }, /^path: /],
    ['a prefix above a container', { path: '/v1/AUTH_acct/*' }, /^path: /],
  ])('cannot say %s', (_name, more, detail) => {
    expect(new SwiftTempUrl().sign({ ...request, ...more }, KEY)).toMatchObject({
      reason: 'link_constraint_unsupported',
      detail: expect.stringMatching(detail) as string,
    })
  })

  it('uses the digest of its key, if that is allowed', () => {
    const sha1 = { ...KEY, alg: 'HS1' }
    expect(new SwiftTempUrl().sign(request, sha1)).toMatchObject({
      reason: 'link_constraint_unsupported',
    })
    const link = new SwiftTempUrl({ allowedDigests: ['sha1'] }).sign(request, sha1)
    expect(link).toMatchObject({ target: expect.stringMatching(/sig=[0-9a-f]{40}&/) as string })
  })
})
