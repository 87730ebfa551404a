import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { NO_SIGHTINGS } from '../../../src/base/sightings.ts'
import {
  type InspectHistory,
  type Inspection,
  type InspectRequest,
  inspectLink,
} from '../../../src/operator/inspect-link.ts'
import type { LinkDesk } from '../../../src/operator/link-desk.ts'
import { type MintRequest, mintLink } from '../../../src/operator/mint-link.ts'
import { replayVector, type Vector } from '../../../src/operator/replay-vector.ts'
import { makeDesk } from '../../support/link-desk.ts'
import { historyOf, NOW, secretKey } from '../../support/request-parts.ts'

const PATH = '/files/a%20b.mp4'
const SECRET = Buffer.alloc(32, 2)

function urlOf(desk: LinkDesk, request: Partial<MintRequest> = {}): string {
  const result = mintLink(desk, { path: PATH, ...request }, 'json')
  if ('field' in result) throw new Error(`${result.field}: ${result.message}`)
  return result.url
}

function inspect(
  desk: LinkDesk,
  url: string,
  as: InspectRequest['as'] = {},
  history: Partial<InspectHistory> = {},
): Promise<Inspection> {
  return inspectLink(desk, () => ({ ...historyOf(), spent: 0, ...history }), { url, as })
}

/** A link by the documented formula over another text than it should be. */
function signedOver(text: string, query = `Expires=${NOW + 60}&KeyId=k2`, secret = SECRET): string {
  return `${PATH}?${query}&Signature=${createHmac('sha256', secret).update(text).digest('base64url')}`
}

describe('what a link is and proves', () => {
  const desk = makeDesk()

  it('of a good link: everything it says, and each rule', async () => {
    const url = urlOf(desk, { jti: 'id-1', ip: '192.0.2.0/24', subject: 'alice', multi_use: false })
    const found = await inspect(desk, url, { ip: '192.0.2.9' })
    expect(found).toMatchObject({
      decision: 'permit',
      code: null,
      reason: null,
      route: '/files/',
      policy: 'test',
      link: { scheme: 'sluice-hmac', carrier: 'query' },
      proves: {
        id: 'id-1',
        kid: 'k2',
        alg: 'HS256',
        path: '/files/a b.mp4',
        expires_at: NOW + 3600,
        ip: '192.0.2.0/24',
        subject: 'alice',
        multi_use: false,
      },
      hints: [],
    })
    expect(found.link?.canonical).toBe(
      url.slice('https://files.example'.length, url.indexOf('&Signature=')),
    )
    expect(found.trace.map(({ rule }) => rule)).toEqual(
      expect.arrayContaining(['signature', 'resource', 'expiry', 'address', 'uses']),
    )
    expect(found.trace.every(({ outcome }) => outcome === 'pass')).toBe(true)
  })

  it('of a token in each carrier', async () => {
    const url = urlOf(desk, { scheme: 'sluice-jwt' })
    const token = url.split('token=')[1] ?? ''
    const carriers: [string, string, Record<string, string>][] = [
      ['query', url, {}],
      ['path', `/~${token}${PATH}`, {}],
      ['cookie', PATH, { cookie: `sluice_token=${token}` }],
      ['header', PATH, { authorization: `Bearer ${token}` }],
    ]
    for (const [carrier, target, headers] of carriers) {
      expect(await inspect(desk, target, { headers })).toMatchObject({
        decision: 'permit',
        link: { scheme: 'sluice-jwt', carrier },
      })
    }
    const prefix = urlOf(desk, { scheme: 'sluice-jwt', path: '/files/a/*' })
    expect((await inspect(desk, `${prefix}x`)).proves).toMatchObject({ path: '/files/a/*' })
  })

  it('says when rules about the address saw no client', async () => {
    expect((await inspect(desk, urlOf(desk))).detail).toContain('--as-ip')
    expect((await inspect(desk, urlOf(desk), { ip: '192.0.2.1' })).detail).toBeNull()
  })
})

describe('why it would be refused', () => {
  const desk = makeDesk()
  it.each<
    [string, Partial<MintRequest>, InspectRequest['as'], Partial<InspectHistory>, string, string]
  >([
    ['expired', {}, { time: NOW + 3600 }, {}, 'link_expired', 'expiry'],
    ['not yet valid', { nbf: NOW + 1000 }, {}, {}, 'link_not_yet_valid', 'not-before'],
    [
      'another address',
      { ip: '192.0.2.1' },
      { ip: '192.0.2.2' },
      {},
      'address_not_allowed',
      'address',
    ],
    ['an unknown address', { ip: '192.0.2.1' }, {}, {}, 'address_not_allowed', 'address'],
    ['revoked', {}, {}, { revocation: () => 'revocation 7' }, 'link_revoked', 'revocation'],
    ['used up', { multi_use: false }, {}, { spent: 1 }, 'link_used', 'uses'],
    [
      'a prefetch',
      { multi_use: false },
      { headers: { 'sec-purpose': 'prefetch' } },
      {},
      'prefetch_not_allowed',
      'prefetch',
    ],
    ['another method', {}, { method: 'POST' }, {}, 'method_not_allowed', 'method'],
  ])('%s', async (_what, request, as, history, reason, rule) => {
    const found = await inspect(desk, urlOf(desk, request), as, history)
    expect(found).toMatchObject({ decision: 'deny', reason })
    expect(
      found.trace.filter(({ outcome }) => outcome === 'refuse').map((entry) => entry.rule),
    ).toEqual([rule])
    expect(found.proves).not.toBeNull()
  })

  it('another object than the token is for', async () => {
    const url = urlOf(desk, { scheme: 'sluice-jwt' }).replace('a%20b', 'other')
    expect(await inspect(desk, url)).toMatchObject({
      decision: 'deny',
      code: 'link_invalid',
      reason: 'link_resource_mismatch',
    })
  })

  it('every rule is asked, even after the first no', async () => {
    const found = await inspect(
      desk,
      urlOf(desk, { ip: '192.0.2.1' }),
      { ip: '192.0.2.2', time: NOW + 9999 },
      { revocation: () => 'r' },
    )
    expect(found.reason).toBe('link_revoked')
    expect(
      found.trace.filter(({ outcome }) => outcome === 'refuse').map(({ rule }) => rule),
    ).toEqual(['revocation', 'expiry', 'address'])
  })

  it('what a policy only observes is shown and permits, as at the gateway', async () => {
    const observing = makeDesk({
      uses: { max: 2, enforcement: 'observe' },
      address: { enforcement: 'observe' },
    })
    const found = await inspect(
      observing,
      urlOf(observing, { ip: '192.0.2.1' }),
      { ip: '192.0.2.2' },
      { spent: 2 },
    )
    expect(found.decision).toBe('permit')
    expect(
      found.trace.filter(({ outcome }) => outcome === 'observe').map(({ rule }) => rule),
    ).toEqual(['address', 'uses'])
  })

  it('two links', async () => {
    const token = urlOf(desk, { scheme: 'sluice-jwt' }).split('token=')[1] ?? ''
    expect(
      await inspect(desk, urlOf(desk), { headers: { authorization: `Bearer ${token}` } }),
    ).toMatchObject({
      decision: 'deny',
      code: 'link_invalid',
      reason: 'link_ambiguous',
      link: null,
    })
  })
})

describe('what cannot be looked at is unusable', () => {
  const desk = makeDesk()
  it.each([
    ['no link', PATH, {}, 'no link'],
    ['no route', '/elsewhere/a?token=x', {}, 'no route'],
    ['a hostile path', '/files/../a?token=x', {}, 'dot segment'],
    ['no URL', 'files', {}, 'not a URL'],
    ['no URL either', 'ftp://files.example/files/a', {}, 'not a URL'],
    ['a client that is no address', PATH, { ip: 'localhost' }, 'localhost is no IP address'],
  ])('%s', async (_what, url, as, detail) => {
    const found = await inspect(desk, url, as)
    expect(found).toMatchObject({ decision: 'unusable', proves: null, trace: [] })
    expect(found.detail).toContain(detail)
  })

  it('a token in the path before a route that takes none: the gateway would see another path', async () => {
    const token = urlOf(desk, { scheme: 'sluice-jwt' }).split('token=')[1] ?? ''
    const hmac = urlOf(desk, { path: '/hmac/a' }).slice('https://files.example'.length)
    expect((await inspect(desk, hmac)).decision).toBe('permit')
    expect(await inspect(desk, `/~${token}${hmac}`)).toMatchObject({
      decision: 'unusable',
      route: null,
    })
  })
})

describe('why a signature does not hold', () => {
  const desk = makeDesk()
  const canonical = `${PATH}?Expires=${NOW + 60}&KeyId=k2`
  it.each<[string, string, RegExp]>([
    [
      'the whole URL was signed',
      signedOver(`https://files.example${canonical}`),
      /^the signature holds for the whole URL, with the key k2$/,
    ],
    [
      'the mark was signed too',
      signedOver(`${canonical}&Signature=`),
      /with "&Signature=" at its end/,
    ],
    ['the path alone was signed', signedOver(PATH), /the path alone/],
    ['KeyId was left out', signedOver(`${PATH}?Expires=${NOW + 60}`), /without KeyId/],
    ['the leading slash was left out', signedOver(canonical.slice(1)), /without its leading slash/],
    [
      'the decoded path was signed',
      signedOver(canonical.replace('%20', ' ')),
      /the percent-decoded text/,
    ],
    [
      'another key of the ring signed',
      signedOver(canonical, undefined, Buffer.alloc(32, 1)),
      /this very text, with the key k1/,
    ],
    [
      'there is no such key',
      signedOver(canonical, `Expires=${NOW + 60}&KeyId=k9`),
      /^there is no key k9$/,
    ],
  ])('%s', async (_what, url, hint) => {
    const found = await inspect(desk, url)
    expect(found).toMatchObject({
      decision: 'deny',
      code: 'link_invalid',
      proves: null,
      trace: [{ rule: 'signature', outcome: 'refuse' }],
    })
    expect(found.hints).toEqual([expect.stringMatching(hint)])
  })

  it('nothing fits: no hint, and the canonical string is still shown', async () => {
    const found = await inspect(desk, signedOver('something else'))
    expect(found.hints).toEqual([])
    expect(found.link?.canonical).toBe(canonical)
  })

  it.each([
    ['is not active', { retireAt: NOW }, 'the key k2 is not active at that time'],
    [
      'is of another scheme',
      { schemes: new Set(['sluice-jwt']) },
      'the key k2 is not for sluice-hmac',
    ],
  ])('the key %s', async (_what, more, hint) => {
    const other = makeDesk({}, [secretKey('k2', 2, more)])
    expect((await inspect(other, signedOver(canonical))).hints).toEqual([hint])
  })

  it('never shows the signature that would be right, nor a secret', async () => {
    const right = createHmac('sha256', SECRET).update(canonical).digest('base64url')
    for (const url of [
      signedOver('x'),
      signedOver(PATH),
      signedOver(`https://files.example${canonical}`),
    ]) {
      const text = JSON.stringify(await inspect(desk, url))
      expect(text).not.toContain(right)
      expect(text).not.toContain(SECRET.toString('base64url'))
    }
  })

  it('of a token with an unknown kid names it', async () => {
    const token = `${Buffer.from('{"alg":"HS256","kid":"k9"}').toString('base64url')}.e30.AAAA`
    expect((await inspect(desk, `${PATH}?token=${token}`)).hints).toEqual(['there is no key k9'])
    expect(await inspect(desk, `${PATH}?token=x.y.z`)).toMatchObject({
      decision: 'deny',
      hints: [],
    })
  })
})

it('a vector of a format that is not known fails, and is not passed over', async () => {
  const vector: Vector = {
    name: 'x',
    format: 's3-sigv5',
    keys: [],
    method: 'GET',
    url: '/a',
    now: NOW,
    expect: 'deny',
  }
  expect(replayVector(vector)).toBe('this format is not known')
  expect(replayVector({ ...vector, format: 'sluice-hmac', code: 'link_expired' })).toBe(
    'expected link_expired, got link_missing',
  )
})

it('a header that tells of a proxy is a signal of sharing, as it is for the gateway', async () => {
  const desk = makeDesk({ antiFraud: { default: true } })
  const seen = {
    network: '8.8.8.0/24',
    country: 'US',
    asn: undefined,
    isRelay: false,
    device: 'aaaaaaaaaaaa',
    firstSeen: NOW,
    lastSeen: NOW,
  }
  const history = { sightings: () => ({ ...NO_SIGHTINGS, networks: [seen] }) }
  const decisionOf = async (headers: Record<string, string>): Promise<string> =>
    (await inspect(desk, urlOf(desk), { ip: '5.9.0.1', headers }, history)).reason ?? 'permitted'
  expect(await decisionOf({})).toBe('permitted')
  expect(await decisionOf({ Via: '1.1 squid' })).toBe('link_shared')
})
