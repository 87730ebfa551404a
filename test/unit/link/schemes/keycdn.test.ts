import { describe, expect, it } from 'vitest'
import { refuse } from '../../../../src/base/refusal.ts'
import { keycdn } from '../../../../src/link/schemes/keycdn.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { md5, schemeWith, textKey, verdictOf } from '../../../support/link-verdict.ts'
import { NOW, SITE } from '../../../support/request-parts.ts'

const KEY = textKey('keycdn', 'throwawayKey1234')
const E = NOW + 3600
const TOKEN = md5(`/files/a.jpgthrowawayKey1234${E}`, 'base64url')
const LINK = `/files/a.jpg?token=${TOKEN}&expire=${E}`

linkFormatContract('keycdn', () => ({
  scheme: schemeWith(keycdn),
  keys: [KEY, textKey('keycdn', 'the key before it', 'older')],
}))

describe('a token of KeyCDN', () => {
  it.each([
    ['holds', LINK, 'permit'],
    ['may stand behind its expiry', `/files/a.jpg?expire=${E}&token=${TOKEN}`, 'permit'],
    ['does not bind the query', `${LINK}&width=400`, 'permit'],
    ['may keep its padding', LINK.replace(TOKEN, `${TOKEN}==`), 'permit'],
    ['is for its path', LINK.replace('a.jpg', 'b.jpg'), 'link_signature_wrong'],
    ['is for its expiry', LINK.replace(String(E), String(E + 1)), 'link_signature_wrong'],
    ['needs its expiry', `/files/a.jpg?token=${TOKEN}`, 'link_missing'],
    ['is missing', `/files/a.jpg?expire=${E}`, 'link_missing'],
    ['is empty', `/files/a.jpg?token=&expire=${E}`, 'link_malformed'],
    ['is cut short', LINK.replace(TOKEN, TOKEN.slice(0, 20)), 'link_malformed'],
    ['is hex', LINK.replace(TOKEN, md5(`/files/a.jpgthrowawayKey1234${E}`)), 'link_malformed'],
    ['stands there twice', `${LINK}&token=${TOKEN}`, 'link_malformed'],
    ['has two expiries', `${LINK}&expire=${E}`, 'link_malformed'],
    ['has an expiry in milliseconds', LINK.replace(String(E), `${E}000`), 'link_malformed'],
    ['has an expiry with a sign', LINK.replace(String(E), `+${E}`), 'link_malformed'],
  ])('%s', (_what, url, verdict) => {
    expect(verdictOf(schemeWith(keycdn), [KEY], url).verdict).toBe(verdict)
  })

  it.each([
    [E - 1, 'permit'],
    [E, 'link_expired'],
  ])('at %i', (now, verdict) => {
    expect(verdictOf(schemeWith(keycdn), [KEY], LINK, { now }).verdict).toBe(verdict)
  })
})

describe('a token of image processing', () => {
  const image = md5('/files/a.jpgflip=1&width=400throwawayKey1234', 'base64url')
  const link = `/files/a.jpg?flip=1&width=400&token=${image}`
  const unlimited = schemeWith(keycdn, { mode: 'image', allowUnlimited: true })

  it.each([
    ['binds the query', link.replace('400', '401'), 'link_signature_wrong'],
    ['binds its order', `/files/a.jpg?width=400&flip=1&token=${image}`, 'link_signature_wrong'],
    ['holds', link, 'permit'],
    ['holds behind what platforms append', `${link}&utm_source=x`, 'permit'],
    [
      'does not hold with ignored parameters in front of it',
      link.replace('?', '?fbclid=x&'),
      'link_signature_wrong',
    ],
  ])('%s', (_what, url, verdict) => {
    expect(verdictOf(unlimited, [KEY], url).verdict).toBe(verdict)
  })

  it('never expires, so it needs a route that takes such links', () => {
    const strict = schemeWith(keycdn, { mode: 'image' })
    expect(verdictOf(strict, [KEY], link).verdict).toBe('link_lifetime_exceeded')
    expect(verdictOf(unlimited, [KEY], link).grant?.validUntil).toBe(Infinity)
  })

  it('cannot be minted: it has no word for the expiry', () => {
    const request = { path: '/files/a.jpg', expiresAt: E, constraints: {}, site: SITE }
    expect(unlimited.sign(request, KEY)).toEqual(
      refuse('link_constraint_unsupported', 'expires_at: links of this form never expire'),
    )
  })
})
