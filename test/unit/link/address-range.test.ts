import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addressFromInteger,
  formatNetwork,
  networkContains,
  parseNetwork,
} from '../../../src/base/address.ts'
import { formatIPv4Range, parseIPv4Range } from '../../../src/link/address-range.ts'

describe('a range of IPv4 addresses', () => {
  it('holds its first and last address and none beside them', () => {
    const word = fc.oneof(fc.nat(0xffffffff), fc.nat(600), fc.constantFrom(0xffffffff, 0xfffffe00))
    fc.assert(
      fc.property(word, word, fc.nat(0xffffffff), (x, y, probe) => {
        const [from, to] = x < y ? [x, y] : [y, x]
        const text = `${addressFromInteger(from).text}-${addressFromInteger(to).text}`
        const networks = parseIPv4Range(text) ?? []
        expect(networks.length).toBeLessThanOrEqual(62)
        for (const value of [from - 1, from, to, to + 1, probe]) {
          if (value < 0 || value > 0xffffffff) continue
          const holders = networks.filter((network) =>
            networkContains(network, addressFromInteger(value)),
          )
          expect([text, value, holders.length]).toEqual([
            text,
            value,
            value >= from && value <= to ? 1 : 0,
          ])
        }
      }),
    )
  })

  it.each([
    ['192.0.2.7', ['192.0.2.7']],
    ['192.0.2.7-192.0.2.7', ['192.0.2.7']],
    ['192.0.2.0-192.0.2.255', ['192.0.2.0/24']],
    ['192.0.2.1-192.0.2.4', ['192.0.2.1', '192.0.2.2/31', '192.0.2.4']],
    ['0.0.0.0-255.255.255.255', ['0.0.0.0/0']],
  ])('%s is %j', (text, networks) => {
    expect(parseIPv4Range(text)?.map(formatNetwork)).toEqual(networks)
  })

  it.each(['', '-', '192.0.2.9-192.0.2.1', '192.0.2.1-', '192.0.2.0/24', '::1', '1.1.1.1-2-3'])(
    '%s is none',
    (text) => {
      expect(parseIPv4Range(text)).toBeUndefined()
    },
  )

  it.each(['0.0.0.0/0', '10.0.0.0/8', '192.0.2.0/31', '192.0.2.1'])('says %s', (text) => {
    const network = parseNetwork(text)!
    expect(parseIPv4Range(formatIPv4Range(network))).toEqual([network])
  })
})
