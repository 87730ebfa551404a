import { parseNetwork } from '../../../../src/base/address.ts'
import { describe, expect, it } from 'vitest'
import { gcore } from '../../../../src/link/schemes/gcore.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { md5, schemeWith, textKey, verdictOf } from '../../../support/link-verdict.ts'
import { NOW, SITE } from '../../../support/request-parts.ts'

const KEY = textKey('gcore', 'throwawayKey1234')
const E = NOW + 3600
const bound = schemeWith(gcore, { ipBound: true })
const linkFor = (address: string): string =>
  `/files/a.jpg?md5=${md5(`${E}/files/a.jpg${address} throwawayKey1234`, 'base64url')}&expires=${E}`

linkFormatContract('gcore', () => ({ scheme: schemeWith(gcore), keys: [KEY] }))

for (const client of ['192.0.2.1', '2001:db8::1']) {
  linkFormatContract(`gcore bound to ${client}`, () => ({
    scheme: bound,
    keys: [KEY],
    client,
    narrow: () => ({ ip: [parseNetwork(client)!] }),
  }))
}

describe('a token of Gcore', () => {
  it.each([
    ['is bound to its address', linkFor('192.0.2.1'), '192.0.2.1', 'permit'],
    ['opens nothing elsewhere', linkFor('192.0.2.1'), '192.0.2.2', 'link_signature_wrong'],
    ['takes IPv6 in its canonical text', linkFor('2001:db8::1'), '2001:DB8:0::1', 'permit'],
    ['takes a mapped address for IPv4', linkFor('192.0.2.1'), '::ffff:192.0.2.1', 'permit'],
    ['needs an address that is known', linkFor('192.0.2.1'), undefined, 'address_not_allowed'],
    [
      'without an address is refused where one is bound',
      linkFor(''),
      '192.0.2.1',
      'link_signature_wrong',
    ],
  ])('%s', (_what, url, client, verdict) => {
    expect(verdictOf(bound, [KEY], url, { client }).verdict).toBe(verdict)
  })

  it('with an address is refused where none is bound', () => {
    const free = schemeWith(gcore)
    expect(verdictOf(free, [KEY], linkFor('192.0.2.1')).verdict).toBe('link_signature_wrong')
    expect(verdictOf(free, [KEY], linkFor(''), { client: undefined }).verdict).toBe('permit')
  })

  it('is minted for exactly one address', () => {
    const mint = (...ip: string[]): unknown =>
      bound.sign(
        {
          path: '/files/a.jpg',
          expiresAt: E,
          constraints: ip.length > 0 ? { ip: ip.map((text) => parseNetwork(text)!) } : {},
          site: SITE,
        },
        KEY,
      )
    expect(mint('192.0.2.1')).toEqual({ target: expect.stringContaining('md5=') as string })
    for (const ip of [[], ['192.0.2.0/24'], ['192.0.2.1', '192.0.2.2']]) {
      expect(mint(...ip)).toMatchObject({ detail: expect.stringMatching(/^ip: /) as string })
    }
  })
})
