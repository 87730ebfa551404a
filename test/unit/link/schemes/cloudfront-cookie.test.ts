import { describe, expect, it } from 'vitest'
import type { Constraints } from '../../../../src/link/constraints.ts'
import { type Key, KeyRing } from '../../../../src/link/key-ring.ts'
import { CloudFrontCookie } from '../../../../src/link/schemes/cloudfront-cookie.ts'
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
} from '../../../support/request-parts.ts'

const SCHEMES = { schemes: new Set(['cloudfront-cookie']) }
const RSA: Key = { ...pairKey('rsa', 'KRSA', 'RS1'), ...SCHEMES }
const EC: Key = { ...pairKey('ec', 'KEC', 'ES256'), ...SCHEMES }

const scheme = new CloudFrontCookie({ acceptSha1: true })

function narrow({ ip, nbf, ...rest }: Constraints): Constraints {
  const network = ip?.find(({ first, prefix }) => first.family === 4 && prefix > 0)
  return { ...rest, ...(network && { ip: [network] }), ...(nbf && { nbf }) }
}

linkFormatContract('cloudfront-cookie', () => ({ scheme, keys: [RSA, EC], narrow }))

/** The cookies of a new link. */
function cookiesFor(path: string): Record<string, string> {
  const request = { path, expiresAt: NOW + 60, constraints: {}, site: SITE }
  const link = scheme.sign(request, RSA)
  if ('reason' in link) throw new Error(link.detail)
  return { ...link.cookies }
}

const verifier = new LinkVerifier([scheme], new KeyRing([RSA, EC]))

function ask(target: string, cookies: Record<string, string> | string): string {
  const cookie =
    typeof cookies === 'string'
      ? cookies
      : Object.entries(cookies)
          .map((pair) => pair.join('='))
          .join('; ')
  const context = contextOf(target, { headers: { cookie } })
  const verified = verifier.verify(context)
  if (verified.outcome === 'absent') return 'absent'
  if (verified.outcome === 'refused') return verified.refusal.reason
  return decide(verified.grant, context, policyOf(), historyOf()).refusal?.reason ?? 'permit'
}

describe('signed cookies', () => {
  const folder = cookiesFor('/files/*')

  it('open all that their policy covers, with one verification', () => {
    expect(ask('/files/a.mp4', folder)).toBe('permit')
    expect(ask('/files/b/c.mp4?x=1', folder)).toBe('permit')
    expect(ask('/other/a.mp4', folder)).toBe('link_resource_mismatch')
    const texts = ['/files/a.mp4', '/files/b/c.mp4?x=1'].map((target) => {
      const found = scheme.find(
        contextOf(target, {
          headers: {
            cookie: Object.entries(folder)
              .map((pair) => pair.join('='))
              .join(';'),
          },
        }),
      )
      return found.outcome === 'found' ? found.carrier.text : target
    })
    expect(texts[0]).toBe(texts[1])
  })

  it('with Expires open one URL, its query and all', () => {
    const file = cookiesFor('/files/a.mp4')
    expect(Object.keys(file)).toEqual([
      'CloudFront-Expires',
      'CloudFront-Key-Pair-Id',
      'CloudFront-Signature',
    ])
    expect(ask('/files/a.mp4', file)).toBe('permit')
    expect(ask('/files/a.mp4?x=1', file)).toBe('link_signature_wrong')
    expect(ask('/files/b.mp4', file)).toBe('link_signature_wrong')
  })

  it.each(['Policy', 'Signature', 'Key-Pair-Id'])('without %s are refused', (name) => {
    const { [`CloudFront-${name}`]: _, ...others } = folder
    expect(ask('/files/a.mp4', others)).toBe('link_malformed')
  })

  it('of both kinds at once are refused', () => {
    const both = { ...folder, 'CloudFront-Expires': String(NOW + 60) }
    expect(ask('/files/a.mp4', both)).toBe('link_malformed')
  })

  it.each(['Policy', 'Signature', 'Key-Pair-Id'])('with %s twice are refused', (name) => {
    const pairs = Object.entries(folder).map((pair) => pair.join('='))
    const again = pairs.find((pair) => pair.startsWith(`CloudFront-${name}=`)) ?? ''
    expect(ask('/files/a.mp4', [...pairs, again].join('; '))).toBe('link_malformed')
  })

  it.each(['Expires=1', 'Policy=x', 'Signature=', 'Key-Pair-Id=KRSA', 'Hash-Algorithm=SHA256'])(
    'are no second chance beside the parameter %s',
    (parameter) => {
      expect(ask(`/files/a.mp4?${parameter}`, folder)).toBe('link_ambiguous')
    },
  )

  it('longer than browsers keep them are refused', () => {
    const long = { ...folder, 'CloudFront-Policy': 'A'.repeat(4097) }
    expect(ask('/files/a.mp4', long)).toBe('link_malformed')
  })

  it('of other names are none', () => {
    expect(ask('/files/a.mp4', { 'CloudFront-Viewer': 'x', 'cloudfront-policy': 'y' })).toBe(
      'absent',
    )
  })

  it('show the policy that was signed', () => {
    const context = contextOf('/files/a', {
      headers: {
        cookie: Object.entries(folder)
          .map((pair) => pair.join('='))
          .join('; '),
      },
    })
    const found = scheme.find(context)
    const carrier =
      found.outcome === 'found' ? found.carrier : ({ place: 'cookie', text: '' } as const)
    expect(JSON.parse(scheme.canonicalText(carrier) ?? '')).toMatchObject({
      Statement: [{ Resource: 'https://cdn.example/files/*' }],
    })
  })
})
