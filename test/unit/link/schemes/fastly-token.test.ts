import { describe, expect, it } from 'vitest'
import { fastlyToken } from '../../../../src/link/schemes/fastly-token.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { hmacHex, schemeWith, textKey, verdictOf } from '../../../support/link-verdict.ts'
import { NOW } from '../../../support/request-parts.ts'

const KEY = textKey('fastly-token', 'throwawayKey1234')
const E = NOW + 3600
const tokenOf = (signed: string, digest: 'sha1' | 'sha256' = 'sha1'): string =>
  `${E}_${hmacHex(digest, 'throwawayKey1234', `${signed}${E}`)}`
const PATH = tokenOf('/files/a.html')
const path = schemeWith(fastlyToken)
const url = schemeWith(fastlyToken, { sign: 'url-without-token' })

for (const algorithm of ['hmac-sha1', 'hmac-sha256']) {
  for (const sign of ['path', 'url-without-token']) {
    linkFormatContract(`fastly-token with ${algorithm} over ${sign}`, () => ({
      scheme: schemeWith(fastlyToken, { algorithm, sign }),
      keys: [KEY, textKey('fastly-token', 'the key before it', 'older')],
    }))
  }
}

describe('a token of Fastly over the path', () => {
  it.each([
    ['holds', `/files/a.html?token=${PATH}`, 'permit'],
    ['leaves the query free', `/files/a.html?a=1&token=${PATH}&b=2`, 'permit'],
    ['in upper case is refused', `/files/a.html?token=${PATH.toUpperCase()}`, 'link_malformed'],
    ['cut short is refused', `/files/a.html?token=${PATH.slice(0, -2)}`, 'link_malformed'],
    ['with nothing behind its expiry is refused', `/files/a.html?token=${E}_`, 'link_malformed'],
    ['twice is refused', `/files/a.html?token=${PATH}&token=${PATH}`, 'link_malformed'],
    ['behind a bogus one is refused', `/files/a.html?token=AAAA&token=${PATH}`, 'link_malformed'],
    [
      'of SHA-256 is refused',
      `/files/a.html?token=${tokenOf('/files/a.html', 'sha256')}`,
      'link_malformed',
    ],
    ['of another form is somebody else’s', '/files/a.html?token=AAAA', 'link_missing'],
    ['of three parts is somebody else’s', '/files/a.html?token=eyJ.eyJ.sig', 'link_missing'],
    ['under another name is none', `/files/a.html?t=${PATH}`, 'link_missing'],
  ])('%s', (_what, target, verdict) => {
    expect(verdictOf(path, [KEY], target).verdict).toBe(verdict)
  })

  it.each([
    [E, 'permit'],
    [E + 1, 'link_expired'],
  ])('at %i: the second of the expiry still counts', (now, verdict) => {
    expect(verdictOf(path, [KEY], `/files/a.html?token=${PATH}`, { now }).verdict).toBe(verdict)
  })

  it('may stand in a parameter of another name', () => {
    const scheme = schemeWith(fastlyToken, { param: 'auth' })
    expect(verdictOf(scheme, [KEY], `/files/a.html?auth=${PATH}`).verdict).toBe('permit')
  })
})

describe('a token of Fastly over the URL', () => {
  const token = tokenOf('/files/a.html?a=1&b=2')

  it.each([
    ['at the end', `/files/a.html?a=1&b=2&token=${token}`, 'permit'],
    ['in front', `/files/a.html?token=${token}&a=1&b=2`, 'permit'],
    ['in the middle', `/files/a.html?a=1&token=${token}&b=2`, 'permit'],
    ['alone', `/files/a.html?token=${PATH}`, 'permit'],
    [
      'with other parameters in another order',
      `/files/a.html?b=2&a=1&token=${token}`,
      'link_signature_wrong',
    ],
    ['with one parameter more', `/files/a.html?a=1&b=2&token=${token}&x=1`, 'link_signature_wrong'],
    ['without its parameters', `/files/a.html?token=${token}`, 'link_signature_wrong'],
    [
      'in front of an ignored parameter',
      `/files/a.html?a=1&b=2&token=${token}&utm_medium=x`,
      'permit',
    ],
  ])('%s', (_what, target, verdict) => {
    expect(verdictOf(url, [KEY], target).verdict).toBe(verdict)
  })
})
