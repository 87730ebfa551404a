import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addressFromBigInt,
  addressToBigInt,
  maskAddress,
  type Network,
  networkContains,
  parseNetwork,
} from '../../../src/base/address.ts'
import { parseConfiguredNetwork } from '../../../src/base/configured-network.ts'
import { NetworkSet } from '../../../src/base/network-set.ts'
import { address } from '../../support/request-parts.ts'

/** Crowded around few addresses, so that blocks nest, touch and share their first 16 bits. */
const v4 = fc
  .tuple(
    fc.constantFrom(0n, 0x0a000000n, 0xc0a80000n, 0xffffff00n),
    fc.bigInt({ min: 0n, max: 0x3ffn }),
    fc.integer({ min: 0, max: 32 }),
  )
  .map(([base, offset, prefix]): Network => ({
    first: maskAddress(addressFromBigInt(base + (offset % (0x100000000n - base)), 4), prefix),
    prefix,
  }))
const v6 = fc
  .tuple(
    fc.constantFrom(0n, 0x20010db8n << 96n, (1n << 128n) - 0x1000n),
    fc.bigInt({ min: 0n, max: 0xfffn }),
    fc.integer({ min: 0, max: 128 }),
  )
  .map(([base, offset, prefix]): Network => ({
    first: maskAddress(addressFromBigInt(base + offset, 6), prefix),
    prefix,
  }))
  .filter((network) => network.first.family === 6)
const network = fc.oneof(v4, v6)

function* edgesOf({ first, prefix }: Network): Generator<ReturnType<typeof address>> {
  const width = first.family === 4 ? 32 : 128
  const start = addressToBigInt(first)
  const end = start + (1n << BigInt(width - prefix)) - 1n
  for (const value of [start - 1n, start, end, end + 1n]) {
    if (value >= 0n && value < 1n << BigInt(width)) yield addressFromBigInt(value, first.family)
  }
}

describe('NetworkSet', () => {
  it('agrees with asking each network in turn, at every edge', () => {
    fc.assert(
      fc.property(
        fc.array(network, { maxLength: 150 }),
        fc.array(network, { maxLength: 5 }),
        (networks, others) => {
          const set = new NetworkSet(networks)
          for (const probe of [...networks, ...others].flatMap((one) => [...edgesOf(one)])) {
            expect(set.has(probe)).toBe(networks.some((one) => networkContains(one, probe)))
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  it('agrees with asking each network in turn when the index over 16 bits is in use', () => {
    const networks = Array.from({ length: 5000 }, (_, i) =>
      parseNetwork(`${(i * 7) % 256}.${i % 251}.${(i * 13) % 256}.0/${20 + (i % 13)}`)!,
    )
    const set = new NetworkSet(networks)
    for (let i = 0; i < 4000; i++) {
      const probe = addressFromBigInt(BigInt(Math.imul(i, 2654435761) >>> 0), 4)
      expect([probe.text, set.has(probe)]).toEqual([
        probe.text,
        networks.some((one) => networkContains(one, probe)),
      ])
    }
    for (const one of networks.slice(0, 300)) {
      for (const probe of edgesOf(one))
        expect(set.has(probe)).toBe(networks.some((n) => networkContains(n, probe)))
    }
  })

  it('an empty set holds nobody', () => {
    const set = new NetworkSet([])
    expect([set.size, set.has(address('0.0.0.0')), set.has(address('::'))]).toEqual([
      0,
      false,
      false,
    ])
  })

  it('0.0.0.0/0 holds every IPv4 address and no IPv6 one', () => {
    const set = new NetworkSet([parseNetwork('0.0.0.0/0')!])
    expect(set.has(address('255.255.255.255'))).toBe(true)
    expect(set.has(address('::ffff:10.0.0.1'))).toBe(true)
    expect(set.has(address('::1'))).toBe(false)
  })
})

describe('a configured network', () => {
  it.each([
    '10.0.0.0/8',
    '10.1.2.3/8',
    '192.0.2.1',
    '2001:db8::/32',
    '2001:db8::1',
    '::/0',
    '::ffff:192.0.2.0/120',
    '::ffff:10.0.0.1',
  ])('is what the strict parser says, and ip-num agrees: %s', (text) => {
    expect(parseConfiguredNetwork(text)).toEqual(parseNetwork(text))
  })

  it.each(['10.0.0.0/33', '10.0.0/8', 'pirates', '', '2001:db8::/129', '10.0.0.0/08'])(
    'is not %j',
    (text) => {
      expect(parseConfiguredNetwork(text)).toBeUndefined()
    },
  )
})
