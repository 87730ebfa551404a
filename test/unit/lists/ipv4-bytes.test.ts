import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressFromInteger, maskAddress, parseNetwork } from '../../../src/base/address.ts'
import { readIPv4Network } from '../../../src/lists/ipv4-bytes.ts'

const part = fc.oneof(
  fc.integer({ min: 0, max: 300 }).map(String),
  fc.constantFrom('', '0', '00', '01', '256', '-1', ' 1', '1a', '9999999999'),
)
const nearlyIPv4 = fc
  .tuple(fc.array(part, { minLength: 3, maxLength: 5 }), fc.option(part))
  .map(([octets, prefix]) => octets.join('.') + (prefix === null ? '' : `/${prefix}`))

describe('reading an IPv4 network from bytes', () => {
  it('agrees with the parser of text', () => {
    fc.assert(
      fc.property(fc.oneof(nearlyIPv4, fc.ipV4(), fc.string()), (text) => {
        const bytes = Buffer.from(`x${text}x`)
        const read = readIPv4Network(bytes, 1, bytes.length - 1)
        const parsed = text.includes(':') ? undefined : parseNetwork(text)
        if (!parsed) expect(read).toBe(-1)
        else {
          expect(read % 64).toBe(parsed.prefix)
          const first = maskAddress(addressFromInteger(Math.floor(read / 64)), parsed.prefix)
          expect(first).toEqual(parsed.first)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
