import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { KeyRing } from '../../../../src/link/key-ring.ts'
import {
  CloudflareHmac,
  type CloudflareHmacOptions,
} from '../../../../src/link/schemes/cloudflare-hmac.ts'
import { LinkVerifier } from '../../../../src/link/verify-link.ts'
import { decide } from '../../../../src/policy/decide.ts'
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

const SCHEME = new Set(['cloudflare-hmac'])
const KEY = secretKey('zone-1', 1, { schemes: SCHEME })
const DAY = 86_400

for (const flags of ['', 's'] as const) {
  linkFormatContract(`cloudflare-hmac with the flags "${flags}"`, () => ({
    scheme: new CloudflareHmac({ flags, ttl: DAY }),
    keys: [KEY, secretKey('zone-2', 2, { schemes: SCHEME })],
    maxSeconds: DAY,
  }))
}

interface Signed {
  readonly stamp?: number | string
  readonly encoding?: 'base64' | 'base64url' | 'hex'
  readonly separator?: string
}

/** A target by the formula of the rules language. */
function linkOf(
  message: string,
  { stamp = NOW, encoding = 'base64', separator = '?verify=' }: Signed = {},
): string {
  const mac = createHmac('sha256', KEY.verifyKey).update(`${message}${stamp}`).digest(encoding)
  return `${message}${separator}${stamp}-${encodeURIComponent(mac)}`
}

function outcome(
  url: string,
  options: CloudflareHmacOptions = {},
  now = NOW,
  keys = [KEY],
): string {
  const scheme = new CloudflareHmac(options)
  const context = contextOf(url, { now, scheme })
  const result = new LinkVerifier([scheme], new KeyRing(keys)).verify(context)
  if (result.outcome === 'refused') return result.refusal.reason
  if (result.outcome === 'absent') return 'absent'
  const policy = policyOf({ leeway: { notBeforeSeconds: 0 }, resume: { graceSeconds: 0 } })
  return decide(result.grant, context, policy, historyOf()).refusal?.reason ?? 'permit'
}

const PATH = '/images/a%20cat.jpg'

describe('the time of a link', () => {
  it('is when it was issued: it ends with the ttl, and does not begin before', () => {
    expect(outcome(linkOf(PATH), { ttl: 60 }, NOW + 59)).toBe('permit')
    expect(outcome(linkOf(PATH), { ttl: 60 }, NOW + 60)).toBe('link_expired')
    expect(outcome(linkOf(PATH), {}, NOW + 10_799)).toBe('permit')
    expect(outcome(linkOf(PATH), {}, NOW + 10_800)).toBe('link_expired')
    expect(outcome(linkOf(PATH, { stamp: NOW + 1 }))).toBe('link_not_yet_valid')
  })

  it.each([[''], ['0000000000'], ['180000000'], ['18000000000'], ['0800000000'], ['+800000000']])(
    'as %s is malformed',
    (stamp) => {
      expect(outcome(linkOf(PATH, { stamp }))).toBe('link_malformed')
    },
  )
})

describe('the MAC of a link', () => {
  it('is base64 in percent-encoding, or base64url with the flag s', () => {
    expect(outcome(linkOf(PATH))).toBe('permit')
    expect(outcome(decodeURIComponent(linkOf('/a')))).toBe('permit')
    expect(outcome(linkOf(PATH, { encoding: 'base64url' }), { flags: 's' })).toBe('permit')
  })

  it('is not taken in the other alphabet', () => {
    const stamps = Array.from({ length: 20 }, (_, i) => NOW - i)
    const both = stamps.find((stamp) => /%2B.*%2F/.test(linkOf(PATH, { stamp }))) ?? 0
    expect(outcome(linkOf(PATH, { stamp: both }))).toBe('permit')
    expect(outcome(linkOf(PATH, { stamp: both }), { flags: 's' })).toBe('link_malformed')
    const url = linkOf(PATH, { stamp: both, encoding: 'base64url' })
    expect(outcome(url)).toBe('link_malformed')
  })

  it.each([
    ['cut', (link: string) => link.slice(0, -10)],
    ['in hex', () => linkOf(PATH, { encoding: 'hex' })],
    ['empty', (link: string) => link.replace(/-.*$/, '-')],
    ['without its dash', (link: string) => link.replace(/-.*$/, '')],
    ['with a broken percent sequence', (link: string) => link.replace(/%3D$/, '%3')],
  ])('%s is malformed', (_name, change) => {
    expect(outcome(change(linkOf(PATH)))).toBe('link_malformed')
  })

  it('is over the raw path and the query before it', () => {
    const link = linkOf(`${PATH}?size=1`, { separator: '&verify=' })
    expect(outcome(link)).toBe('permit')
    expect(outcome(link.replace('size=1', 'size=2'))).toBe('link_signature_wrong')
    expect(outcome(link.replace('size=1&', ''))).toBe('link_signature_wrong')
    expect(outcome(linkOf(PATH).replace('cat', 'dog'))).toBe('link_signature_wrong')
    expect(outcome(linkOf('/images/cat.jpg').replace('cat', '%63at'))).toBe('link_signature_wrong')
  })

  it('of a public key taken for a secret never holds', () => {
    const rsa = { ...pairKey('rsa', 'rs', 'RS256'), schemes: SCHEME }
    expect(outcome(linkOf(PATH), {}, NOW, [rsa])).toBe('link_key_unknown')
  })
})

describe('the parameter', () => {
  it('is the last one, and the only one of its name', () => {
    expect(outcome(`${linkOf(PATH)}&utm_source=x`)).toBe('link_malformed')
    expect(outcome(`${linkOf(PATH)}&verify=x`)).toBe('link_malformed')
    expect(outcome(linkOf(`${PATH}?verify=x`, { separator: '&verify=' }))).toBe('link_malformed')
  })

  it('has the name that is configured', () => {
    const link = linkOf(PATH, { separator: '?sig=' })
    expect(outcome(link)).toBe('absent')
    expect(outcome(link, { param: 'sig' })).toBe('permit')
  })
})

it('a link whose issue time has no ten digits is not signed', () => {
  const request = { path: PATH, expiresAt: NOW, constraints: {}, site: SITE }
  const ttl = NOW - 999_999_999
  expect(new CloudflareHmac({ ttl }).sign(request, KEY)).toMatchObject({
    reason: 'link_constraint_unsupported',
  })
})
