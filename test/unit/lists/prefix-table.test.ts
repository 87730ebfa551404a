import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Address,
  addressFromBigInt,
  formatNetwork,
  maskAddress,
  type Network,
  networkContains,
  parseNetwork,
} from '../../../src/base/address.ts'
import { PrefixTable } from '../../../src/lists/prefix-table.ts'
import { address } from '../../support/request-parts.ts'

/** Crowded around few addresses, so that networks nest and their neighbours are asked for too. */
const v4 = fc
  .tuple(fc.constantFrom(0n, 0x0a000000n, 0xfffffc00n), fc.bigInt({ min: 0n, max: 0x3ffn }))
  .map(([base, offset]) => addressFromBigInt(base + offset, 4))
const v6 = fc
  .tuple(
    fc.constantFrom(
      0n,
      0x20010db8n << 96n,
      (0x20010db8n << 96n) | (0x8000n << 64n),
      (1n << 128n) - 0x400n,
    ),
    fc.bigInt({ min: 0n, max: 0x3ffn }),
    fc.constantFrom(0n, 16n, 32n, 64n, 96n),
  )
  .map(([base, offset, shift]) => addressFromBigInt((base + (offset << shift)) % (1n << 128n), 6))
  .filter(({ family }) => family === 6)
const anyAddress = fc.oneof(v4, v6)
const network = fc
  .tuple(anyAddress, fc.integer({ min: 0, max: 128 }))
  .map(([one, bits]): Network => {
    const prefix = one.family === 4 ? bits % 33 : bits
    return { first: maskAddress(one, prefix), prefix }
  })
const change = fc.record({ network, end: fc.integer({ min: 1, max: 9 }), isRemoved: fc.boolean() })

const NOW = 5

describe('PrefixTable', () => {
  it('after any changes holds what the networks that are left hold, asked one by one', () => {
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 80 }),
        fc.array(anyAddress, { minLength: 20, maxLength: 40 }),
        fc.boolean(),
        (changes, probes, isPruned) => {
          const table = new PrefixTable()
          const left = new Map<string, { network: Network; end: number }>()
          for (const { network: one, end, isRemoved } of changes) {
            table.put(one, end)
            left.set(formatNetwork(one), { network: one, end })
            if (!isRemoved) continue
            table.remove(one)
            left.delete(formatNetwork(one))
          }
          if (isPruned) table.prune(NOW)
          const holds = (probe: Address): boolean =>
            [...left.values()].some((one) => one.end > NOW && networkContains(one.network, probe))
          for (const probe of [...probes, ...changes.map((one) => one.network.first)]) {
            expect([probe.text, table.has(probe, NOW)]).toEqual([probe.text, holds(probe)])
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('lets one of two networks with the same first address go without the other', () => {
    const table = new PrefixTable()
    table.put(parseNetwork('192.0.2.0/24')!, Infinity)
    table.put(parseNetwork('192.0.2.0/30')!, Infinity)
    table.remove(parseNetwork('192.0.2.0/24')!)
    expect(table.has(address('192.0.2.3'), 0)).toBe(true)
    expect(table.has(address('192.0.2.4'), 0)).toBe(false)
  })

  it('forgets nothing that still counts when it prunes', () => {
    const table = new PrefixTable()
    table.put(parseNetwork('192.0.2.1')!, 10)
    table.put(parseNetwork('2001:db8::/64')!, Infinity)
    table.prune(9)
    expect(table.has(address('192.0.2.1'), 9)).toBe(true)
    table.prune(10)
    expect(table.has(address('192.0.2.1'), 9)).toBe(false)
    expect(table.has(address('2001:db8::7'), 10)).toBe(true)
  })
})
