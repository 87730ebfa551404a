import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import type { DeliveryReport } from '../../../src/offload/delivery-report.ts'
import { HandOvers, type Outcome } from '../../../src/offload/hand-overs.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

const reportOf = (ticket: string): DeliveryReport => ({
  ticket,
  status: 200,
  bytes: 1,
  isComplete: true,
  range: undefined,
})

function begun(handOvers: HandOvers, ticket: string): Outcome[] {
  const ends: Outcome[] = []
  handOvers.begin(ticket, async (outcome) => {
    ends.push(outcome)
  })
  return ends
}

describe('a delivery that was handed over', () => {
  it('ends once, by its report', () => {
    const handOvers = new HandOvers(systemClock, 60)
    const ends = begun(handOvers, 'a')
    void handOvers.end('b', reportOf('b'))
    expect(ends).toEqual([])
    void handOvers.end('a', reportOf('a'))
    void handOvers.end('a', reportOf('a'))
    vi.advanceTimersByTime(120_000)
    expect(ends).toEqual([reportOf('a')])
    expect(handOvers.count).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends without a report when its time is over, each at its own', () => {
    const handOvers = new HandOvers(systemClock, 60)
    const first = begun(handOvers, 'a')
    vi.advanceTimersByTime(30_000)
    const second = begun(handOvers, 'b')
    vi.advanceTimersByTime(29_000)
    expect([first, second]).toEqual([[], []])
    vi.advanceTimersByTime(2000)
    expect([first, second]).toEqual([[undefined], []])
    vi.advanceTimersByTime(30_000)
    expect(second).toEqual([undefined])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('keeps its ticket for itself while it runs', () => {
    const handOvers = new HandOvers(systemClock, 60)
    begun(handOvers, 'a')
    expect(handOvers.has('a')).toBe(true)
    expect(() => begun(handOvers, 'a')).toThrow('in use')
  })

  it('is waited for at the end, for as long as was said', async () => {
    const handOvers = new HandOvers(systemClock, 60)
    const [reported, silent] = [begun(handOvers, 'a'), begun(handOvers, 'b')]
    let isOver = false
    const closing = handOvers.close(10).then(() => {
      isOver = true
    })
    void handOvers.end('a', reportOf('a'))
    await vi.advanceTimersByTimeAsync(9000)
    expect([reported.length, silent.length, isOver]).toEqual([1, 0, false])
    await vi.advanceTimersByTimeAsync(1000)
    await closing
    expect(silent).toEqual([undefined])
  })

  it('of the last the end is not waited for longer', async () => {
    const handOvers = new HandOvers(systemClock, 60)
    begun(handOvers, 'a')
    const closing = handOvers.close(10)
    void handOvers.end('a', reportOf('a'))
    await closing
    expect(vi.getTimerCount()).toBe(0)
  })
})
