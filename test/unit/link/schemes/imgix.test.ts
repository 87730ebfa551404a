import { describe, expect, it } from 'vitest'
import { imgix } from '../../../../src/link/schemes/imgix.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { md5, refusalOf, schemeWith, textKey, verdictOf } from '../../../support/link-verdict.ts'
import { contextOf, NOW } from '../../../support/request-parts.ts'

const SECRET = 'throwawayKey1234'
const KEY = textKey('imgix', SECRET)
const E = NOW + 3600
const scheme = schemeWith(imgix)
const lenient = schemeWith(imgix, { allowUnlimited: true })
const signed = (target: string): string =>
  `${target}${target.includes('?') ? '&' : '?'}s=${md5(SECRET + target)}`
const LINK = signed(`/files/1.png?w=400&expires=${E}`)

linkFormatContract('imgix', () => ({
  scheme,
  keys: [KEY, textKey('imgix', 'the key before it', 'older')],
}))

describe('a secured imgix URL', () => {
  it.each([
    ['holds', LINK, 'permit'],
    ['binds the query', LINK.replace('400', '401'), 'link_signature_wrong'],
    ['ends with its signature', `${LINK}&w=1`, 'link_malformed'],
    ['may be followed by ignored parameters', `${LINK}&utm_source=x`, 'permit'],
    ['with a second signature is refused', `${LINK}&s=0`, 'link_malformed'],
    ['with a second expiry is refused', `${LINK}&expires=${E}`, 'link_malformed'],
    [
      'with its signature in front is refused',
      `/files/1.png?s=${LINK.slice(-32)}&w=400&expires=${E}`,
      'link_malformed',
    ],
    ['cut short is refused', LINK.slice(0, -2), 'link_malformed'],
    [
      'in upper case is refused',
      LINK.slice(0, -32) + LINK.slice(-32).toUpperCase(),
      'link_malformed',
    ],
    ['without an expiry is refused', signed('/files/1.png?w=400'), 'link_lifetime_exceeded'],
    ['hashes the path as it is written', signed(`/files/a%20b.png?expires=${E}`), 'permit'],
    [
      'is for one spelling of the path',
      signed(`/files/a%20b.png?expires=${E}`).replace('a%20', '%61%20'),
      'link_signature_wrong',
    ],
  ])('%s', (_what, url, verdict) => {
    expect(verdictOf(scheme, [KEY], url).verdict).toBe(verdict)
  })

  it.each([signed('/files/1.png?w=400'), signed('/files/1.png')])(
    'without an expiry is taken where the route says so: %s',
    (url) => {
      expect(verdictOf(lenient, [KEY], url).verdict).toBe('permit')
      expect(lenient.find(contextOf(url))).toMatchObject({ isWeak: true })
    },
  )

  it('a byte of MD5 padding cannot extend what was signed', () => {
    const query = `w=1\x80\x00&expires=${E}`
    const rawQuery = `${query}&s=${md5(`${SECRET}/files/1.png?${query}`)}`
    expect(refusalOf(scheme, [KEY], { rawPath: '/files/1.png', rawQuery })).toBe('link_malformed')
  })
})
