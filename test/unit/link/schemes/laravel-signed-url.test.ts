import { describe, expect, it } from 'vitest'
import { laravelSignedUrl } from '../../../../src/link/schemes/laravel-signed-url.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { hmacHex, schemeWith, textKey, verdictOf } from '../../../support/link-verdict.ts'
import { contextOf, NOW } from '../../../support/request-parts.ts'

const SECRET = 'base64:Z8AvfC7quQx4CUh/humB5XqpSePprkKpaWM8Z484uWo='
const KEY = textKey('laravel-signed-url', SECRET)
const E = NOW + 3600
const absolute = schemeWith(laravelSignedUrl)
const relative = schemeWith(laravelSignedUrl, { absolute: false })
const sign = (url: string): string => hmacHex('sha256', SECRET, url)
const TARGET = `/download/5?expires=${E}&user=1`
const LINK = `${TARGET}&signature=${sign(`https://cdn.example${TARGET}`)}`
const RELATIVE = `${TARGET}&signature=${sign(TARGET)}`

for (const [what, scheme] of Object.entries({ absolute, relative })) {
  linkFormatContract(`laravel-signed-url, ${what}`, () => ({
    scheme,
    keys: [KEY, textKey('laravel-signed-url', 'base64:before', 'older')],
  }))
}

describe('a signed URL of Laravel', () => {
  it.each([
    ['holds', LINK, 'permit'],
    [
      'may have its signature in front',
      `/download/5?signature=${LINK.slice(-64)}&expires=${E}&user=1`,
      'permit',
    ],
    ['binds the query', LINK.replace('user=1', 'user=2'), 'link_signature_wrong'],
    [
      'binds the order of the query',
      LINK.replace(`expires=${E}&user=1`, `user=1&expires=${E}`),
      'link_signature_wrong',
    ],
    ['cannot be given a parameter', `${LINK}&x=1`, 'link_signature_wrong'],
    ['may be followed by an ignored one', `${LINK}&utm_source=mail&fbclid=1`, 'permit'],
    ['signed without its host is refused', RELATIVE, 'link_signature_wrong'],
    [
      'signed for http is refused',
      `${TARGET}&signature=${sign(`http://cdn.example${TARGET}`)}`,
      'link_signature_wrong',
    ],
    [
      'in upper case is refused',
      `${TARGET}&signature=${LINK.slice(-64).toUpperCase()}`,
      'link_malformed',
    ],
    ['twice is refused', `${LINK}&signature=${LINK.slice(-64)}`, 'link_malformed'],
    ['with two expiries is refused', `${LINK}&expires=${E}`, 'link_malformed'],
    ['without its signature is none', TARGET, 'link_missing'],
  ])('%s', (_what, url, verdict) => {
    expect(verdictOf(absolute, [KEY], url).verdict).toBe(verdict)
  })

  it('may be relative where the route says so', () => {
    expect(verdictOf(relative, [KEY], RELATIVE).verdict).toBe('permit')
    expect(verdictOf(relative, [KEY], LINK).verdict).toBe('link_signature_wrong')
  })

  it.each([
    [E, 'permit'],
    [E + 1, 'link_expired'],
  ])('at %i: the second of the expiry still counts', (now, verdict) => {
    expect(verdictOf(absolute, [KEY], LINK, { now }).verdict).toBe(verdict)
  })

  it('the key is the text of app.key, not what it encodes', () => {
    const bytes = Buffer.from(SECRET.slice('base64:'.length), 'base64').toString('latin1')
    const key = textKey('laravel-signed-url', bytes)
    expect(verdictOf(absolute, [key], LINK).verdict).toBe('link_signature_wrong')
  })

  it('without an expiry needs a route that takes such links, and other formats go first', () => {
    const link = `/download/5?signature=${sign('https://cdn.example/download/5')}`
    expect(verdictOf(absolute, [KEY], link).verdict).toBe('link_lifetime_exceeded')
    const lenient = schemeWith(laravelSignedUrl, { allowUnlimited: true })
    expect(verdictOf(lenient, [KEY], link).verdict).toBe('permit')
    expect(lenient.find(contextOf(link))).toMatchObject({ isWeak: true })
    expect(lenient.find(contextOf(LINK))).not.toHaveProperty('isWeak')
  })
})
