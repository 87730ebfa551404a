import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseNetwork } from '../../../../src/base/address.ts'
import { wowzaSecureToken } from '../../../../src/link/schemes/wowza-securetoken.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { refusalOf, schemeWith, textKey, verdictOf } from '../../../support/link-verdict.ts'
import { NOW, SITE } from '../../../support/request-parts.ts'

const SECRET = 'throwawayKey1234'
const KEY = textKey('wowza-securetoken', SECRET)
const E = NOW + 3600
const TIMES = [`wowzatokenendtime=${E}`, `wowzatokenstarttime=${NOW}`]
const of = (more: Readonly<Record<string, unknown>> = {}) => schemeWith(wowzaSecureToken, more)

function hashOf(content: string, list: readonly string[], name = 'sha256'): string {
  const bytes = createHash(name)
    .update(`${content}?${list.join('&')}`)
    .digest('base64')
  return bytes.replaceAll('+', '-').replaceAll('/', '_')
}

const HASH = hashOf('vod/a.mp4', [SECRET, ...TIMES])
const link = (file: string, hash = HASH): string =>
  `/vod/a.mp4${file}?${TIMES.join('&')}&wowzatokenhash=${hash}`

for (const algorithm of ['sha256', 'sha384', 'sha512']) {
  linkFormatContract(`wowza-securetoken with ${algorithm}`, () => ({
    scheme: of({ algorithm }),
    keys: [KEY, textKey('wowza-securetoken', 'the key before it', 'older')],
  }))
}

linkFormatContract('wowza-securetoken bound to an address', () => ({
  scheme: of({ includeIp: true }),
  keys: [KEY],
  narrow: (constraints) => ({ ...constraints, ip: [parseNetwork('192.0.2.1')!] }),
}))

describe('a SecureToken', () => {
  it.each([
    ['opens the stream', link(''), 'permit'],
    ['opens its playlist', link('/playlist.m3u8'), 'permit'],
    ['opens its chunk list', link('/chunklist_w1234_b500000.m3u8'), 'permit'],
    ['opens its chunks', link('/media_w1234_7.ts'), 'permit'],
    ['opens its DASH manifest', link('/manifest.mpd'), 'permit'],
    ['opens its smooth fragments', link('/QualityLevels(500000)/Fragments(video=0)'), 'permit'],
    ['opens no other file below', link('/secret.mp4'), 'link_signature_wrong'],
    ['opens nothing deeper', link('/b/playlist.m3u8'), 'link_signature_wrong'],
    ['opens no name that begins alike', link('2/playlist.m3u8'), 'link_signature_wrong'],
    ['may lack its padding', link('', HASH.replace('=', '')), 'permit'],
    ['may have its padding encoded', link('', HASH.replace('=', '%3D')), 'permit'],
    ['in standard base64 is refused', link('', `+${HASH.slice(1)}`), 'link_malformed'],
    ['cut short is refused', link('', HASH.slice(0, 40)), 'link_malformed'],
    ['without its hash is none', link('').replace('hash=', 'hush='), 'link_missing'],
    ['leaves other parameters free', `${link('')}&quality=1`, 'permit'],
    [
      'binds every parameter with the prefix',
      `${link('')}&wowzatokenuser=1`,
      'link_signature_wrong',
    ],
    ['twice is refused', `${link('')}&wowzatokenendtime=${E}`, 'link_malformed'],
    [
      'with a foreign parameter twice is refused',
      `${link('')}&wowzatokenu=1&wowzatokenu=1`,
      'link_malformed',
    ],
  ])('%s', (_what, url, verdict) => {
    expect(verdictOf(of(), [KEY], url).verdict).toBe(verdict)
  })

  it.each([
    [NOW - 1, 'link_not_yet_valid'],
    [NOW, 'permit'],
    [E - 1, 'permit'],
    [E, 'link_expired'],
  ])('at %i: %s', (now, verdict) => {
    expect(verdictOf(of(), [KEY], link(''), { now }).verdict).toBe(verdict)
  })

  it('sorts secret and address among the parameters, wherever they come to stand', () => {
    const prefixed = (prefix: string, secret: string, list: readonly string[]): string => {
      const hash = hashOf('vod/a.mp4', list)
      const url = `/vod/a.mp4?${prefix}endtime=${E}&${prefix}hash=${hash}`
      const scheme = of({ prefix, includeIp: true })
      return verdictOf(scheme, [textKey('wowza-securetoken', secret)], url).verdict
    }
    expect(prefixed('a', 'zz', ['192.0.2.1', `aendtime=${E}`, 'zz'])).toBe('permit')
    expect(prefixed('z', 'aa', ['192.0.2.1', 'aa', `zendtime=${E}`])).toBe('permit')
    expect(prefixed('z', '0a', ['0a', '192.0.2.1', `zendtime=${E}`])).toBe('permit')
    expect(prefixed('z', 'aa', ['aa', '192.0.2.1', `zendtime=${E}`])).toBe('link_signature_wrong')
  })

  it('signs parameters of its own', () => {
    const list = [SECRET, 'wowzatokenCustom=abcdef', ...TIMES]
    const url = `/vod/a.mp4?${list.slice(1).join('&')}&wowzatokenhash=${hashOf('vod/a.mp4', list)}`
    expect(verdictOf(of(), [KEY], url).verdict).toBe('permit')
    expect(verdictOf(of(), [KEY], url.replace('abc', 'abd')).verdict).toBe('link_signature_wrong')
  })

  it('without an end needs a route that takes such links', () => {
    const url = `/vod/a.mp4?wowzatokenhash=${hashOf('vod/a.mp4', [SECRET])}`
    expect(verdictOf(of(), [KEY], url).verdict).toBe('link_lifetime_exceeded')
    expect(verdictOf(of({ allowUnlimited: true }), [KEY], url).verdict).toBe('permit')
  })

  it('refuses a path that could mean another one', () => {
    for (const content of ['vod/x/%2e%2e/a.mp4', 'vod/./a.mp4', 'vod%2fa.mp4', 'vod/a%5c.mp4']) {
      const rawQuery = `${TIMES.join('&')}&wowzatokenhash=${hashOf(content, [SECRET, ...TIMES])}`
      const reason = refusalOf(of(), [KEY], { rawPath: `/${content}`, rawQuery })
      expect([content, reason]).toEqual([content, 'link_resource_mismatch'])
    }
  })

  it('is minted for a stream by its playlist', () => {
    const path = '/vod/a.mp4/playlist.m3u8'
    const signed = of().sign({ path, expiresAt: E, constraints: { nbf: NOW }, site: SITE }, KEY)
    const query = `wowzatokenstarttime=${NOW}&wowzatokenendtime=${E}&wowzatokenhash=${HASH}`
    expect(signed).toEqual({ target: `${path}?${query}` })
  })
})
