import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Lease, LeaseOutcome, LeaseRequest, LeaseStore } from '../../src/lease/lease.ts'

/** What every `LeaseStore` keeps. `make` gives an empty one. */
export function leaseStoreContract(name: string, make: () => LeaseStore): void {
  describe(`${name} keeps the lease store contract`, () => {
    let store: LeaseStore

    beforeEach(() => {
      store = make()
    })

    function hold(request: LeaseRequest): Lease {
      const outcome = store.acquire(request)
      if (outcome.outcome !== 'held') throw new Error(`refused by ${outcome.by}`)
      return outcome.lease
    }

    const request = (download: string, max = 2, maxConnections = 16): LeaseRequest => ({
      download,
      maxConnections,
      limits: [{ key: 'link 1', max }],
    })

    it('up to the limit downloads are let in, one more is refused with the limit', () => {
      hold(request('a'))
      hold(request('b'))
      expect(store.acquire(request('c'))).toEqual({
        outcome: 'refused',
        by: 'downloads',
        limit: 2,
      })
      expect(store.openDownloads('link 1')).toBe(2)
      expect(store.held).toBe(2)
    })

    it('further connections of an open download are no further downloads', () => {
      hold(request('a', 1))
      hold(request('a', 1))
      expect(store.openDownloads('link 1')).toBe(1)
      expect(store.acquire(request('b', 1)).outcome).toBe('refused')
    })

    it('connections of one download end at their own limit', () => {
      hold(request('a', 9, 2))
      hold(request('a', 9, 2))
      expect(store.acquire(request('a', 9, 2))).toEqual({
        outcome: 'refused',
        by: 'connections',
        limit: 2,
      })
      expect(store.acquire(request('b', 9, 2)).outcome).toBe('held')
    })

    it('a download frees its place with its last connection', () => {
      const first = hold(request('a', 1))
      const second = hold(request('a', 1))
      first.release()
      expect(store.acquire(request('b', 1)).outcome).toBe('refused')
      second.release()
      expect(store.acquire(request('b', 1)).outcome).toBe('held')
    })

    it('a lease that is released twice counts once', () => {
      const first = hold(request('a'))
      hold(request('a'))
      first.release()
      first.release()
      expect(store.held).toBe(1)
      expect(store.openDownloads('link 1')).toBe(1)
    })

    it('a refused request takes nothing in any limit', () => {
      hold({ download: 'a', maxConnections: 1, limits: [{ key: 'full', max: 1 }] })
      const limits = [
        { key: 'free', max: 5 },
        { key: 'full', max: 1 },
      ]
      expect(store.acquire({ download: 'b', maxConnections: 1, limits }).outcome).toBe('refused')
      expect(store.openDownloads('free')).toBe(0)
      expect(store.held).toBe(1)
    })

    it('keys do not touch each other, and Infinity counts without refusing', () => {
      for (let i = 0; i < 50; i++)
        hold({ download: `d${i}`, maxConnections: 1, limits: [{ key: 'x', max: Infinity }] })
      expect(store.openDownloads('x')).toBe(50)
      expect(store.openDownloads('y')).toBe(0)
      expect(
        store.acquire({ download: 'e', maxConnections: 1, limits: [{ key: 'y', max: 1 }] }).outcome,
      ).toBe('held')
    })

    it('a request without limits is held by its connections alone', () => {
      const lease = hold({ download: 'a', maxConnections: 1, limits: [] })
      expect(store.acquire({ download: 'a', maxConnections: 1, limits: [] })).toMatchObject({
        by: 'connections',
      })
      lease.release()
      expect(store.held).toBe(0)
    })

    it('many requests never pass a limit together', () => {
      const outcomes = Array.from({ length: 20 }, (_, i) => store.acquire(request(`d${i}`, 3)))
      expect(outcomes.filter(({ outcome }) => outcome === 'held')).toHaveLength(3)
    })

    it('any sequence agrees with a model, never passes a limit, and ends with nothing held', () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          const tested = make()
          const model = new Model()
          const leases: { lease: Lease; forget: () => void }[] = []
          for (const one of steps) {
            if (one.kind === 'release') {
              const [taken] = leases.splice(one.which % Math.max(1, leases.length), 1)
              taken?.lease.release()
              taken?.forget()
              if (one.twice) taken?.lease.release()
            } else {
              const outcome = tested.acquire(one.request)
              expect(outcome).toMatchObject(model.expected(one.request))
              if (outcome.outcome === 'held')
                leases.push({ lease: outcome.lease, forget: model.take(one.request) })
            }
            expect(tested.held).toBe(leases.length)
            for (const { key, max } of LIMITS) {
              const open = tested.openDownloads(key)
              expect(open).toBe(model.open(key))
              expect(open).toBeLessThanOrEqual(max)
            }
          }
          for (const { lease } of leases) lease.release()
          expect(tested.held).toBe(0)
          for (const { key } of LIMITS) expect(tested.openDownloads(key)).toBe(0)
        }),
        { numRuns: 300 },
      )
    })
  })
}

const LIMITS = [
  { key: 'link', max: 2 },
  { key: 'subject', max: 3 },
  { key: 'address', max: 1 },
] as const

type Step =
  | { readonly kind: 'acquire'; readonly request: LeaseRequest }
  | { readonly kind: 'release'; readonly which: number; readonly twice: boolean }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('acquire' as const),
    request: fc.record({
      download: fc.constantFrom('a', 'b', 'c', 'd'),
      maxConnections: fc.constant(3),
      limits: fc.subarray([...LIMITS]),
    }),
  }),
  fc.record({ kind: fc.constant('release' as const), which: fc.nat(20), twice: fc.boolean() }),
)

/** The store as a plain list of what is held. */
class Model {
  readonly #held: LeaseRequest[] = []

  open(key: string): number {
    const downloads = this.#held.filter(({ limits }) => limits.some((limit) => limit.key === key))
    return new Set(downloads.map(({ download }) => download)).size
  }

  expected({ download, maxConnections, limits }: LeaseRequest): Partial<LeaseOutcome> {
    const connections = this.#held.filter((held) => held.download === download).length
    if (connections >= maxConnections) return { outcome: 'refused', by: 'connections' }
    const joins = (key: string): boolean =>
      this.#held.some(
        (held) => held.download === download && held.limits.some((limit) => limit.key === key),
      )
    const full = limits.some(({ key, max }) => !joins(key) && this.open(key) >= max)
    return full ? { outcome: 'refused', by: 'downloads' } : { outcome: 'held' }
  }

  take(request: LeaseRequest): () => void {
    this.#held.push(request)
    return () => {
      this.#held.splice(this.#held.indexOf(request), 1)
    }
  }
}
