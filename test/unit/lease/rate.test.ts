import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import {
  type ByteRate,
  RateRegistry,
  RatesInSeries,
  SharedRate,
  type Waiter,
} from '../../../src/lease/rate.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** A connection that always has a chunk ready, and counts what it sent. */
class Sender {
  sent = 0
  readonly #rate: ByteRate
  readonly #waiter: Waiter
  #stopped = false

  constructor(rate: ByteRate, chunk = 256 * 1024) {
    this.#rate = rate
    this.#waiter = {
      wanted: chunk,
      go: (bytes) => {
        this.sent += bytes
        this.#more()
      },
    }
    this.#more()
  }

  stop(): void {
    this.#stopped = true
    this.#rate.leave(this.#waiter)
  }

  #more(): void {
    if (this.#stopped) return
    for (let now = this.#rate.take(this.#waiter); now > 0; now = this.#rate.take(this.#waiter)) {
      this.sent += now
    }
  }
}

const total = (senders: readonly Sender[]): number =>
  senders.reduce((sum, sender) => sum + sender.sent, 0)

function expectWithin(share: number, actual: number, expected: number): void {
  expect(Math.abs(actual - expected) / expected, `${actual} of ${expected}`).toBeLessThan(share)
}

const RATES = [20, 1000, 65_536, 1_000_000, 50_000_000, 1_000_000_000]

describe('SharedRate', () => {
  for (const connections of [1, 4, 16, 300]) {
    it.each(RATES)(
      `%i bytes a second over ${connections} connections hold for 10 s`,
      (perSecond) => {
        const rate = new SharedRate(perSecond, systemClock)
        const senders = Array.from({ length: connections }, () => new Sender(rate))
        vi.advanceTimersByTime(10_000)
        expectWithin(0.05, total(senders), 10 * perSecond)
      },
    )
  }

  it('connections with chunks of any size get the same', () => {
    const rate = new SharedRate(1_000_000, systemClock)
    const senders = [512, 16_384, 100_000, 1_048_576].map((chunk) => new Sender(rate, chunk))
    // the first to come has the first burst for itself
    vi.advanceTimersByTime(1000)
    const before = senders.map(({ sent }) => sent)
    vi.advanceTimersByTime(10_000)
    for (const [i, { sent }] of senders.entries()) {
      expectWithin(0.05, sent - (before[i] ?? 0), 2_500_000)
    }
  })

  it('one that comes later has its share from then on, and one that leaves gives it back', () => {
    const rate = new SharedRate(1_000_000, systemClock)
    const first = new Sender(rate)
    vi.advanceTimersByTime(10_000)
    const second = new Sender(rate)
    vi.advanceTimersByTime(10_000)
    expectWithin(0.05, first.sent, 15_000_000)
    expectWithin(0.05, second.sent, 5_000_000)
    second.stop()
    vi.advanceTimersByTime(10_000)
    expectWithin(0.05, first.sent, 25_000_000)
  })

  it('what was not sent in a pause may be caught up for 0.4 s and no more', () => {
    const rate = new SharedRate(1000, systemClock)
    vi.advanceTimersByTime(60_000)
    const sender = new Sender(rate, 100)
    expect(sender.sent).toBe(400)
  })

  it('a changed rate holds at once, also for who waits', () => {
    const rate = new SharedRate(1000, systemClock)
    const sender = new Sender(rate)
    vi.advanceTimersByTime(10_000)
    const before = sender.sent
    rate.changeTo(1_000_000)
    vi.advanceTimersByTime(10_000)
    expectWithin(0.05, sender.sent - before, 10_000_000)
    const between = sender.sent
    rate.changeTo(1000)
    vi.advanceTimersByTime(10_000)
    expectWithin(0.05, sender.sent - between, 10_000)
  })

  it('wakes at most twenty times a second however many wait, and not at all when nobody does', () => {
    const timers = vi.spyOn(globalThis, 'setTimeout')
    const rate = new SharedRate(1_000_000, systemClock)
    const senders = Array.from({ length: 500 }, () => new Sender(rate, 1000))
    vi.advanceTimersByTime(10_000)
    expect(timers.mock.calls.length).toBeLessThanOrEqual(201)
    for (const sender of senders) sender.stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('flows wake together, at multiples of ten milliseconds', () => {
    const woken = new Set<number>()
    for (let i = 1; i <= 200; i++) {
      const waiter: Waiter = {
        wanted: 1e9,
        go: () => {
          woken.add(performance.now() % 10)
          rate.take(waiter)
        },
      }
      const rate = new SharedRate(10_007 * i, systemClock)
      rate.take(waiter)
      rate.take(waiter)
      vi.advanceTimersByTime(1)
    }
    vi.advanceTimersByTime(3000)
    expect([...woken]).toEqual([0])
  })

  it('whoever comes and goes, however it takes: never more than the rate and the burst', () => {
    const step = fc.record({
      chunk: fc.integer({ min: 500, max: 50_000 }),
      pause: fc.nat(3000),
      stops: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30 }),
        fc.constantFrom(...RATES.slice(0, 4)),
        (steps, perSecond) => {
          const rate = new SharedRate(perSecond, systemClock)
          const began = performance.now()
          const senders: Sender[] = []
          for (const { chunk, pause, stops } of steps) {
            senders.push(new Sender(rate, chunk))
            vi.advanceTimersByTime(pause)
            if (stops) senders[0]?.stop()
            const seconds = (performance.now() - began) / 1000
            const most = (seconds + 0.2) * perSecond + 1
            expect(total(senders)).toBeLessThanOrEqual(most)
          }
          for (const sender of senders) sender.stop()
          expect(vi.getTimerCount()).toBe(0)
        },
      ),
      { numRuns: 30 },
    )
  })
})

describe('two rates in series', () => {
  it.each([
    [100_000, 1_000_000],
    [1_000_000, 100_000],
  ])('the stricter of %i and %i holds', (first, second) => {
    const rates = new RatesInSeries(
      new SharedRate(first, systemClock),
      new SharedRate(second, systemClock),
    )
    const senders = [new Sender(rates), new Sender(rates)]
    vi.advanceTimersByTime(10_000)
    expectWithin(0.05, total(senders), 1_000_000)
    for (const sender of senders) expectWithin(0.1, sender.sent, 500_000)
  })

  it('what one connection may not use under its own rate the others have', () => {
    const subject = new SharedRate(1_000_000, systemClock)
    const slow = new Sender(new RatesInSeries(new SharedRate(100_000, systemClock), subject))
    const other = new Sender(subject)
    vi.advanceTimersByTime(10_000)
    expectWithin(0.05, slow.sent, 1_000_000)
    expectWithin(0.05, other.sent, 9_000_000)
  })

  it('who leaves while it waits gives back what it held', () => {
    const shared = new SharedRate(100_000, systemClock)
    const held = new RatesInSeries(shared, new SharedRate(1, systemClock))
    const leaver = new Sender(held)
    vi.advanceTimersByTime(50)
    leaver.stop()
    const stayer = new Sender(shared)
    vi.advanceTimersByTime(10_000)
    expectWithin(0.05, stayer.sent, 1_000_000)
    expect(vi.getTimerCount()).toBe(1)
  })
})

describe('RateRegistry', () => {
  it('connections of one key share a flow; other keys have their own', () => {
    const rates = new RateRegistry(systemClock)
    const one = rates.join('link', 1000)
    expect(rates.join('link', 1000).rate).toBe(one.rate)
    expect(rates.join('other', 1000).rate).not.toBe(one.rate)
  })

  it('the flow ends with its last connection, and a connection leaves once', () => {
    const rates = new RateRegistry(systemClock)
    const one = rates.join('link', 1000)
    const two = rates.join('link', 1000)
    one.leave()
    one.leave()
    const three = rates.join('link', 1000)
    expect(three.rate).toBe(one.rate)
    two.leave()
    three.leave()
    vi.advanceTimersByTime(1000)
    expect(rates.join('link', 1000).rate).not.toBe(one.rate)
  })

  it('many short downloads, one after the other, get no more than one long one', () => {
    const rates = new RateRegistry(systemClock)
    let sent = 0
    for (let i = 0; i < 1000; i++) {
      const { rate, leave } = rates.join('link', 1000)
      const sender = new Sender(rate, 100)
      vi.advanceTimersByTime(10)
      sender.stop()
      leave()
      sent += sender.sent
    }
    expectWithin(0.1, sent, 10_000)
  })

  it('the strictest rate that its holders came with holds for all, as long as they hold it', () => {
    const rates = new RateRegistry(systemClock)
    const first = rates.join('link', 1000)
    const strict = rates.join('link', 500)
    expect(strict.rate).toBe(first.rate)
    expect(first.rate.bytesPerSecond).toBe(500)
    const lax = rates.join('link', 2000)
    expect(lax.rate.bytesPerSecond).toBe(500)
    strict.leave()
    expect(first.rate.bytesPerSecond).toBe(1000)
    first.leave()
    expect(lax.rate.bytesPerSecond).toBe(2000)
  })
})
