import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressFromWords, maskAddress, parseNetwork } from '../../../src/base/address.ts'
import { readIPv6Network } from '../../../src/lists/ipv6-words.ts'

const anyIPv6 = fc.oneof(
  fc.ipV6(),
  fc.ipV4().map((text) => `::ffff:${text}`),
  fc.constantFrom('::', '::1', '::ffff:0:0', 'fe80::1%eth0', ':::', '1::2::3', '192.0.2.1'),
)
const anyNetwork = fc
  .tuple(anyIPv6, fc.oneof(fc.nat(140).map(String), fc.constantFrom('', '064', 'x', '1e2')))
  .map(([text, prefix]) => `${text}/${prefix}`)

describe('reading an IPv6 network as words', () => {
  it('agrees with the parser of text, and leaves IPv4 to it', () => {
    fc.assert(
      fc.property(fc.oneof(anyIPv6, anyNetwork), (text) => {
        const read = readIPv6Network(text)
        const parsed = parseNetwork(text)
        if (parsed?.first.family !== 6) expect(read).toBeUndefined()
        else {
          expect(read?.prefix).toBe(parsed.prefix)
          const [a, b, c, d] = read?.words ?? [0, 0, 0, 0]
          expect(maskAddress(addressFromWords(a, b, c, d), parsed.prefix)).toEqual(parsed.first)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
