import { describe, expect, it } from 'vitest'
import { imagekit } from '../../../../src/link/schemes/imagekit.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { hmacHex, schemeWith, textKey, verdictOf } from '../../../support/link-verdict.ts'
import { NOW, SITE } from '../../../support/request-parts.ts'

const SECRET = 'throwawayKey1234'
const KEY = textKey('imagekit', SECRET)
const E = NOW + 3600
const of = (urlEndpoint?: string, more: Readonly<Record<string, unknown>> = {}) =>
  schemeWith(imagekit, { ...(urlEndpoint !== undefined && { urlEndpoint }), ...more })
const sign = (text: string): string => hmacHex('sha1', SECRET, text)
const LINK = `/demo/tr:w-300/a.jpg?ik-t=${E}&ik-s=${sign(`tr:w-300/a.jpg${E}`)}`
const demo = of('https://cdn.example/demo')

for (const urlEndpoint of ['https://cdn.example/demo', '/demo/', 'https://cdn.example', '/']) {
  linkFormatContract(`imagekit below ${urlEndpoint}`, () => ({
    scheme: of(urlEndpoint),
    keys: [KEY, textKey('imagekit', 'the key before it', 'older')],
    folder: '/demo/',
  }))
}

describe('a signed ImageKit URL', () => {
  it.each([
    ['holds', LINK, 'permit'],
    ['binds the query', `/demo/a.jpg?tr=w-1&ik-t=${E}&ik-s=${sign(`a.jpg?tr=w-1${E}`)}`, 'permit'],
    ['cannot be given a parameter', `${LINK}&tr=w-1`, 'link_signature_wrong'],
    ['may be followed by ignored ones', `${LINK}&utm_source=x`, 'permit'],
    ['twice is refused', `${LINK}&ik-s=0`, 'link_malformed'],
    ['with two expiries is refused', `${LINK}&ik-t=${E}`, 'link_malformed'],
    ['empty is refused', `/demo/a.jpg?ik-t=${E}&ik-s=`, 'link_malformed'],
    ['without its signature is none', `/demo/a.jpg?ik-t=${E}`, 'link_missing'],
    [
      'outside of the endpoint is refused',
      `/other/a.jpg?ik-t=${E}&ik-s=${sign(`a.jpg${E}`)}`,
      'link_resource_mismatch',
    ],
    [
      'with the endless expiry written out is refused',
      `/demo/a.jpg?ik-t=9999999999&ik-s=${sign('a.jpg9999999999')}`,
      'link_malformed',
    ],
  ])('%s', (_what, url, verdict) => {
    expect(verdictOf(demo, [KEY], url).verdict).toBe(verdict)
  })

  it('belongs to the host of its endpoint, or to any where that is a path', () => {
    const verdict = (endpoint: string): string => verdictOf(of(endpoint), [KEY], LINK).verdict
    expect(verdict('https://ik.example/demo')).toBe('link_resource_mismatch')
    expect(verdict('http://cdn.example/demo')).toBe('link_resource_mismatch')
    expect(verdict('https://CDN.example:443/demo/')).toBe('permit')
    expect(verdict('/demo')).toBe('permit')
  })

  it('without an expiry signs the last second that ImageKit knows', () => {
    const link = `/demo/a.jpg?ik-s=${sign('a.jpg9999999999')}`
    expect(verdictOf(demo, [KEY], link).verdict).toBe('link_lifetime_exceeded')
    expect(verdictOf(of('/demo', { allowUnlimited: true }), [KEY], link).verdict).toBe('permit')
  })

  it('is not minted outside of the endpoint', () => {
    const request = { path: '/other/a.jpg', expiresAt: E, constraints: {}, site: SITE }
    expect(demo.sign(request, KEY)).toMatchObject({
      detail: expect.stringMatching(/^path: /) as string,
    })
  })

  it.each(['demo', 'https://', 'ftp://cdn.example/demo', '/demo?x', 'https://cdn.example:port/'])(
    'takes no endpoint %s',
    (urlEndpoint) => {
      expect(imagekit.options.safeParse({ urlEndpoint }).success).toBe(false)
    },
  )
})
