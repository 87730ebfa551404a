import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EmbeddedLeaseStore } from '../../../src/lease/embedded-lease-store.ts'
import { RateRegistry, SharedRate } from '../../../src/lease/rate.ts'
import { leaseStoreContract } from '../../contract/lease-store-contract.ts'
import { FakeClock } from '../../support/fake-clock.ts'

leaseStoreContract('EmbeddedLeaseStore', () => new EmbeddedLeaseStore())

describe('SharedRate', () => {
  it('bytes beyond a short burst wait for their time', () => {
    const clock = new FakeClock()
    const rate = new SharedRate(1000, clock)
    clock.advance(60)
    // 0.1 s of the rate may go at once, however long nobody sent
    expect(rate.book(100)).toBe(0)
    expect(rate.book(1000)).toBe(1000)
    expect(rate.book(500)).toBe(1500)
    clock.advance(1.5)
    expect(rate.book(0)).toBe(0)
  })

  it('however many senders wait as told, their sum keeps to the rate', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.nat(20)), { maxLength: 60 }),
        (bookings) => {
          const clock = new FakeClock(1000)
          const rate = new SharedRate(1000, clock)
          let last = 0
          let sent = 0
          for (const [bytes, pause] of bookings) {
            clock.advance(pause / 10)
            const at = clock.monotonic() + rate.book(bytes)
            expect(at).toBeGreaterThanOrEqual(last)
            last = at
            sent += bytes
            // what was sent by then is at most the rate since the start and one burst
            expect(sent).toBeLessThanOrEqual(((at - 1_000_000) / 1000 + 0.1) * 1000 + 0.001)
          }
        },
      ),
    )
  })

  it('a piece is a part of the burst and never nothing', () => {
    const clock = new FakeClock()
    expect(new SharedRate(1_000_000, clock).piece).toBe(50_000)
    expect(new SharedRate(1, clock).piece).toBe(1)
  })
})

describe('RateRegistry', () => {
  it('connections of one key share a flow; other keys have their own', () => {
    const rates = new RateRegistry(new FakeClock())
    const one = rates.join('link', 1000)
    expect(rates.join('link', 1000).rate).toBe(one.rate)
    expect(rates.join('other', 1000).rate).not.toBe(one.rate)
  })

  it('the flow ends with its last connection', () => {
    const rates = new RateRegistry(new FakeClock())
    const one = rates.join('link', 1000)
    const two = rates.join('link', 1000)
    one.leave()
    expect(rates.join('link', 1000).rate).toBe(one.rate)
    two.leave()
    const three = rates.join('link', 1000)
    expect(three.rate).toBe(one.rate)
  })

  it('a new connection after all have left begins a new flow', () => {
    const rates = new RateRegistry(new FakeClock())
    const one = rates.join('link', 1000)
    one.leave()
    expect(rates.join('link', 1000).rate).not.toBe(one.rate)
  })

  it('a changed rate holds for those who join from then on, and the old flow leaves it alone', () => {
    const rates = new RateRegistry(new FakeClock())
    const old = rates.join('link', 1000)
    const fresh = rates.join('link', 500)
    expect(fresh.rate.bytesPerSecond).toBe(500)
    old.leave()
    expect(rates.join('link', 500).rate).toBe(fresh.rate)
  })
})
