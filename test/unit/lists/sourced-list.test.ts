import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { NetworkSet } from '../../../src/base/network-set.ts'
import type { ListReading, ListSource } from '../../../src/lists/list-source.ts'
import { SourcedList } from '../../../src/lists/sourced-list.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { address } from '../../support/request-parts.ts'
import { listConfig } from './list-config.ts'

/** Gives what the test says, undefined for no change, and counts. */
class FakeSource implements ListSource {
  next: string | undefined | Error = '192.0.2.1\n'
  reads = 0
  accepted = 0

  async read(now: number): Promise<ListReading> {
    this.reads++
    if (this.next instanceof Error) return { outcome: 'failed', why: this.next.message }
    if (this.next === undefined) return { outcome: 'unchanged', at: now }
    const accepted = async (): Promise<void> => {
      this.accepted++
    }
    return { outcome: 'read', content: { bytes: Buffer.from(this.next), accepted } }
  }

  restore(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  close(): void {
    // nothing is open
  }
}

let source: FakeSource
let clock: FakeClock
let warned: string[]
let list: SourcedList

beforeEach(() => {
  vi.useFakeTimers()
  source = new FakeSource()
  clock = new FakeClock()
  warned = []
  list = new SourcedList({
    name: 'l',
    config: listConfig({ refreshSeconds: 600 }),
    source,
    added: new NetworkSet([{ first: address('198.51.100.7'), prefix: 32 }]),
    clock,
    warn: (message) => warned.push(message),
  })
})

afterEach(() => {
  list.close()
  vi.useRealTimers()
})

const seconds = (count: number): Promise<unknown> => vi.advanceTimersByTimeAsync(count * 1000)

test('the set is the source with what was added to it', async () => {
  expect(list.set).toBeUndefined()
  await list.refresh()
  const held = ['192.0.2.1', '198.51.100.7', '192.0.2.2'].map((text) =>
    list.set?.has(address(text)),
  )
  expect(held).toEqual([true, true, false])
  expect([list.entries, source.accepted]).toEqual([1, 1])
})

test('the source is asked again at the interval, and up to a tenth later', async () => {
  await list.refresh()
  await seconds(599)
  expect(source.reads).toBe(1)
  await seconds(62)
  expect(source.reads).toBe(2)
})

test('an unchanged source makes the content young again', async () => {
  await list.refresh()
  const first = list.refreshedAt
  source.next = undefined
  clock.advance(700)
  await list.refresh()
  expect(list.refreshedAt).toBe((first ?? 0) + 700_000)
})

describe('after a failure', () => {
  test('the tries come after one, two, four minutes, then at the interval', async () => {
    source.next = new Error('it answers 500')
    await list.refresh()
    for (const [reads, wait] of [
      [2, 60],
      [3, 120],
      [4, 240],
      [5, 480],
      [6, 600],
      [7, 600],
    ] as const) {
      await seconds(wait - 1)
      expect(source.reads).toBe(reads - 1)
      await seconds(wait * 0.1 + 2)
      expect(source.reads).toBe(reads)
      // so that the next wait begins now, whatever the chance of this one was
      list.continueWith(listConfig({ refreshSeconds: 599 }))
      list.continueWith(listConfig({ refreshSeconds: 600 }))
    }
  })

  test('the content stays, the reason is told once, and success forgets it', async () => {
    await list.refresh()
    const { set } = list
    for (const next of [new Error('it answers 500'), new Error('it answers 500'), 'x\n']) {
      source.next = next
      await list.refresh()
      expect(list.set).toBe(set)
    }
    expect(warned).toEqual([
      'list l stays as it was: it answers 500',
      'list l stays as it was: line 1, column 1: expected an address or a CIDR',
    ])
    expect(list.error).toBe('line 1, column 1: expected an address or a CIDR')
    source.next = '192.0.2.9\n'
    await list.refresh()
    expect([list.error, list.set?.has(address('192.0.2.9'))]).toEqual([undefined, true])
  })

  test('content that is kept out is not accepted: the source gives it again', async () => {
    source.next = '192.0.2.1\n192.0.2.2\n192.0.2.3\n'
    await list.refresh()
    source.next = '192.0.2.1\n'
    await list.refresh()
    expect([list.entries, source.accepted, list.error]).toEqual([
      3,
      1,
      expect.stringContaining('shrank'),
    ])
    const look = await list.look()
    if (look.outcome !== 'sound') throw new Error(look.why)
    expect(list.entries).toBe(3)
    await look.take()
    expect([list.entries, list.error]).toEqual([1, undefined])
  })
})

test('a closed list asks nobody any more', async () => {
  await list.refresh()
  list.close()
  await seconds(10_000)
  expect(source.reads).toBe(1)
})
