import { describe, expect, it } from 'vitest'
import { cloudflareImages } from '../../../../src/link/schemes/cloudflare-images.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { hmacHex, schemeWith, textKey, verdictOf } from '../../../support/link-verdict.ts'
import { NOW } from '../../../support/request-parts.ts'

const SECRET = 'throwawayKey1234'
const KEY = textKey('cloudflare-images', SECRET)
const E = NOW + 3600
const scheme = schemeWith(cloudflareImages)
const PATH = '/files/img/mobile'
const sig = (query: string): string => hmacHex('sha256', SECRET, `${PATH}?${query}`)
const LINK = `${PATH}?exp=${E}&sig=${sig(`exp=${E}`)}`

linkFormatContract('cloudflare-images', () => ({
  scheme,
  keys: [KEY, textKey('cloudflare-images', 'the key before it', 'older')],
}))

describe('a signed URL of Cloudflare Images', () => {
  it.each([
    ['holds', LINK, 'permit'],
    ['binds the query', `${PATH}?w=1&exp=${E}&sig=${sig(`w=1&exp=${E}`)}`, 'permit'],
    ['cannot be given a parameter', `${LINK}&w=1`, 'link_signature_wrong'],
    ['may be followed by an ignored one', `${LINK}&gclid=x`, 'permit'],
    [
      'in upper case is refused',
      LINK.replace(/sig=.*/, (text) => `sig=${text.slice(4).toUpperCase()}`),
      'link_malformed',
    ],
    ['cut short is refused', LINK.slice(0, -2), 'link_malformed'],
    ['empty is refused', `${PATH}?exp=${E}&sig=`, 'link_malformed'],
    ['twice is refused', `${LINK}&sig=0`, 'link_malformed'],
    [
      'with two expiries is refused',
      `${PATH}?exp=${E}&exp=${E}&sig=${sig(`exp=${E}&exp=${E}`)}`,
      'link_malformed',
    ],
    ['without its signature is none', `${PATH}?exp=${E}`, 'link_missing'],
    ['is for its path', LINK.replace('mobile', 'public'), 'link_signature_wrong'],
  ])('%s', (_what, url, verdict) => {
    expect(verdictOf(scheme, [KEY], url).verdict).toBe(verdict)
  })

  it.each([
    [E - 1, 'permit'],
    [E, 'link_expired'],
  ])('at %i: %s', (now, verdict) => {
    expect(verdictOf(scheme, [KEY], LINK, { now }).verdict).toBe(verdict)
  })

  it('without an expiry needs a route that takes such links', () => {
    const link = `${PATH}?w=1&sig=${sig('w=1')}`
    expect(verdictOf(scheme, [KEY], link).verdict).toBe('link_lifetime_exceeded')
    const lenient = schemeWith(cloudflareImages, { allowUnlimited: true })
    expect(verdictOf(lenient, [KEY], link).verdict).toBe('permit')
  })
})
