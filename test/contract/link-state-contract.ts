import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { refuse } from '../../src/base/refusal.ts'
import type { NetworkSighting } from '../../src/base/sightings.ts'
import type { DownloadKey } from '../../src/state/download-ledger.ts'
import type {
  Begun,
  DownloadUse,
  LinkQuestion,
  LinkSession,
  LinkState,
  TrackedDownload,
} from '../../src/state/link-state.ts'
import { eventually } from '../support/eventually.ts'
import { address, NOW } from '../support/request-parts.ts'

/** A state under test, empty at first. */
export interface LinkStateUnderTest {
  readonly state: LinkState
  dispose(): Promise<void>
}

const WINDOW = 800
let links = 0

/** A link that no other test uses. */
export function newKey(more: Partial<DownloadKey> = {}): DownloadKey {
  return { link: `k1/l${links++}`, object: '/files/a', client: '192.0.2.1', ...more }
}

export function questionOf(download: DownloadKey, more: Partial<LinkQuestion> = {}): LinkQuestion {
  return {
    download,
    now: NOW,
    place: { maxConnections: 16, limits: [] },
    uses: undefined,
    wantsFirstAddress: false,
    wantsDownload: false,
    sightings: [],
    ...more,
  }
}

/** Places of a link of which `max` downloads may be open. */
export function limitedTo(max: number, link: string, maxConnections = 16) {
  return { place: { maxConnections, limits: [{ key: `link ${link}`, max }] } }
}

export function useOf(key: DownloadKey, more: Partial<DownloadUse> = {}): DownloadUse {
  return {
    key,
    etag: '"1"',
    size: 100,
    now: NOW,
    expires: NOW + 3600,
    uses: undefined,
    mayResume: false,
    pin: undefined,
    sighting: undefined,
    counted: [],
    judge: () => ({ outcome: 'counted' }),
    ...more,
  }
}

export const sightingOf = (
  network: string,
  more: Partial<NetworkSighting> = {},
): NetworkSighting => ({
  network,
  country: 'DE',
  asn: 3320,
  isRelay: false,
  device: 'aaaaaaaaaaaa',
  ...more,
})

export function begunOf(begun: Begun): TrackedDownload {
  if (begun.outcome !== 'begun') throw new Error(`refused: ${begun.refusal.reason}`)
  return begun.download
}

/** What every `LinkState` keeps. */
export function linkStateContract(
  name: string,
  make: () => Promise<LinkStateUnderTest>,
  test: (title: string, body: () => Promise<void>) => void = it,
): void {
  describe(`${name} keeps the contract of link states`, () => {
    let tested: LinkStateUnderTest
    let state: LinkState

    beforeEach(async () => {
      tested = await make()
      state = tested.state
    })

    afterEach(() => tested.dispose())

    async function open(question: LinkQuestion): Promise<LinkSession> {
      return await state.open(question)
    }

    async function begin(
      question: LinkQuestion,
      more: Partial<DownloadUse> = {},
    ): Promise<{ session: LinkSession; download: TrackedDownload }> {
      const session = await open(question)
      const use = useOf(question.download, { uses: question.uses, now: question.now, ...more })
      return { session, download: begunOf(await state.begin(session, use)) }
    }

    describe('places', () => {
      test('are given up to the limit, and one more is refused with it', async () => {
        const { link } = newKey()
        const ask = (client: string): LinkQuestion =>
          questionOf({ link, object: '/a', client }, limitedTo(2, link))
        expect((await open(ask('a'))).place).toEqual({ outcome: 'held' })
        expect((await open(ask('b'))).place).toEqual({ outcome: 'held' })
        const refused = { outcome: 'refused', by: 'downloads', limit: 2 }
        expect((await open(ask('c'))).place).toEqual(refused)
        expect(state.held).toBe(2)
      })

      test('are shared by the connections of a download, which have their own limit', async () => {
        const key = newKey()
        const question = questionOf(key, limitedTo(1, key.link, 2))
        const first = await open(question)
        const second = await open(question)
        const refused = { outcome: 'refused', by: 'connections', limit: 2 }
        expect((await open(question)).place).toEqual(refused)
        const other = questionOf({ ...key, client: 'b' }, limitedTo(1, key.link, 2))
        first.release()
        expect((await open(other)).place).toMatchObject({ by: 'downloads' })
        second.release()
        expect((await open(other)).place).toEqual({ outcome: 'held' })
      })

      test('of connections are kept where nothing else is limited', async () => {
        const question = questionOf(newKey(), { place: { maxConnections: 1, limits: [] } })
        const first = await open(question)
        expect((await open(question)).place).toMatchObject({ by: 'connections' })
        first.release()
        first.release()
        expect(state.held).toBe(0)
        expect((await open(question)).place.outcome).toBe('held')
      })

      test('are not asked for by who sends no bytes', async () => {
        const key = newKey()
        const question = questionOf(key, { ...limitedTo(1, key.link), place: undefined })
        expect((await open(question)).place).toEqual({ outcome: 'none' })
        expect(state.held).toBe(0)
      })

      test('that are refused by one limit are taken in none', async () => {
        const key = newKey()
        const subject = { key: `subject ${key.link}`, max: 1 }
        const byLink = { key: `link ${key.link}`, max: 1 }
        const ask = (client: string, ...limits: { key: string; max: number }[]): LinkQuestion =>
          questionOf({ ...key, client }, { place: { maxConnections: 9, limits } })
        const holder = await open(ask('a', subject))
        expect((await open(ask('b', byLink, subject))).place).toMatchObject({ by: 'downloads' })
        holder.release()
        expect((await open(ask('c', byLink, subject))).place).toEqual({ outcome: 'held' })
      })

      test('asked for at the same moment never pass a limit together', async () => {
        const { link } = newKey()
        const sessions = await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            open(questionOf({ link, object: '/a', client: `c${i}` }, limitedTo(3, link))),
          ),
        )
        expect(sessions.filter(({ place }) => place.outcome === 'held')).toHaveLength(3)
      })

      test('agree with a model after any sequence, and end with nothing held', async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
            const { link } = newKey()
            const model = new Model()
            const sessions: { session: LinkSession; asked: Asked }[] = []
            for (const one of steps) {
              if (one.kind === 'release') {
                const [taken] = sessions.splice(one.which % Math.max(1, sessions.length), 1)
                taken?.session.release()
                if (one.twice) taken?.session.release()
                if (taken) model.release(taken.asked)
              } else {
                const limits = one.limits.map(({ kind, max }) => ({ key: `${kind} ${link}`, max }))
                const question = questionOf(
                  { link, object: '/a', client: one.client },
                  { place: { maxConnections: 3, limits } },
                )
                const session = await open(question)
                expect(session.place.outcome).toBe(model.expected(one))
                if (session.place.outcome !== 'held') continue
                model.take(one)
                sessions.push({ session, asked: one })
              }
              expect(state.held).toBe(sessions.length)
            }
            for (const { session } of sessions) session.release()
            expect(state.held).toBe(0)
          }),
          { numRuns: 60 },
        )
      })
    })

    describe('uses', () => {
      const once = { max: 1, coverage: 0.9 }

      test('are spent at the coverage of unique bytes, not before, and once', async () => {
        const question = questionOf(newKey(), { uses: once })
        const { download } = await begin(question)
        await download.count(0, 50)
        await download.count(0, 89)
        expect((await open(question)).spent).toBe(0)
        await download.count(89, 90)
        await download.count(0, 100)
        expect((await open(question)).spent).toBe(1)
        expect((await open(question)).known?.used).toBe(true)
        expect(download.coverage).toBe(1)
      })

      test('are spent by pieces over several connections', async () => {
        const key = newKey()
        const question = questionOf(key, { uses: once })
        const first = await begin(question)
        await first.download.count(0, 50)
        first.download.leave()
        first.session.release()
        const second = await begin({ ...question, now: NOW + 60 })
        expect(second.download.coverage).toBe(0.5)
        expect(second.session.known?.startedAt).toBe(NOW)
        await second.download.count(50, 90)
        expect((await open(question)).spent).toBe(1)
      })

      test('of two clients are two', async () => {
        const key = newKey()
        const uses = { max: 5, coverage: 0.5 }
        for (const client of ['a', 'b']) {
          const { download } = await begin(questionOf({ ...key, client }, { uses }))
          await download.count(0, 50)
        }
        expect((await open(questionOf(key, { uses }))).spent).toBe(2)
      })

      test('are held by open downloads of others until they are spent or end', async () => {
        const key = newKey()
        const uses = { max: 5, coverage: 0.9 }
        const others = async (): Promise<number> => {
          const session = await open(questionOf(key, { uses, place: undefined }))
          return session.reserved
        }
        const mine = await begin(questionOf(key, { uses }))
        const theirs = await begin(questionOf({ ...key, client: 'b' }, { uses }))
        expect(await others()).toBe(1)
        theirs.download.leave()
        theirs.session.release()
        expect(await others()).toBe(0)
        const again = await begin(questionOf({ ...key, client: 'c' }, { uses }))
        expect(await others()).toBe(1)
        await again.download.count(0, 95)
        expect(await others()).toBe(0)
        mine.download.leave()
        mine.session.release()
      })

      test('are spent by the first byte of an object of unknown size', async () => {
        const question = questionOf(newKey(), { uses: once })
        const { download } = await begin(question, { size: 0 })
        expect((await open(question)).spent).toBe(0)
        await download.count(0, 1)
        expect((await open(question)).spent).toBe(1)
      })

      test('begin anew where the object has changed', async () => {
        const question = questionOf(newKey(), { uses: { max: 5, coverage: 0.9 } })
        const old = await begin(question)
        await old.download.count(0, 50)
        const fresh = await begin(question, { etag: '"2"' })
        expect(fresh.download.coverage).toBe(0)
        await fresh.download.count(0, 95)
        fresh.download.leave()
        old.download.leave()
        expect((await open(question)).known).toMatchObject({ etag: '"2"', used: true })
      })
    })

    describe('downloads', () => {
      const wanted = { wantsDownload: true } as const

      test('that are not whole can be resumed, by who asks for a range', async () => {
        const question = questionOf(newKey(), wanted)
        const first = await begin(question)
        await first.download.count(0, 30)
        first.download.leave()
        first.session.release()
        const again = await open({ ...question, now: NOW + 5 })
        expect(again.known).toMatchObject({ etag: '"1"', size: 100, startedAt: NOW, used: false })
        const use = useOf(question.download, { mayResume: true, now: NOW + 5 })
        const resumed = begunOf(await state.begin(again, use))
        expect(resumed.coverage).toBe(0.3)
        resumed.leave()
        const whole = await begin({ ...question, now: NOW + 9 })
        expect(whole.download.coverage).toBe(0)
      })

      for (const { which, etag, end } of [
        { which: 'that are whole', etag: '"1"', end: 100 },
        { which: 'of objects without an ETag', etag: '', end: 30 },
      ]) {
        test(`${which} are forgotten`, async () => {
          const question = questionOf(newKey(), wanted)
          const { session, download } = await begin(question, { etag })
          await download.count(0, end)
          download.leave()
          session.release()
          expect((await open(question)).known).toBeUndefined()
        })
      }
    })

    describe('the first address', () => {
      test('stays the first', async () => {
        const key = newKey()
        const question = questionOf(key, { wantsFirstAddress: true })
        expect((await open(question)).firstAddress).toBeUndefined()
        await begin(question, { pin: address('192.0.2.1') })
        await begin(question, { pin: address('2001:db8::1') })
        expect((await open(question)).firstAddress?.text).toBe('192.0.2.1')
      })

      test('goes to one of those who come at once, and the others are judged by it', async () => {
        const { link } = newKey()
        const outcomes = await Promise.all(
          Array.from({ length: 8 }, async (_, i) => {
            const mine = `192.0.2.${i}`
            const key = { link, object: '/a', client: mine }
            const session = await open(questionOf(key, { wantsFirstAddress: true }))
            const use = useOf(key, {
              pin: address(mine),
              judge: ({ firstAddress }) =>
                firstAddress && firstAddress.text !== mine
                  ? { outcome: 'refused', refusal: refuse('address_not_allowed', '') }
                  : { outcome: 'counted' },
            })
            return (await state.begin(session, use)).outcome
          }),
        )
        expect(outcomes.filter((outcome) => outcome === 'begun')).toHaveLength(1)
      })
    })

    describe('sightings', () => {
      const asking = (key: DownloadKey, now = NOW, window = WINDOW): LinkQuestion =>
        questionOf(key, { now, sightings: [{ key: `link:${key.link}`, after: now - window }] })
      const using = (key: DownloadKey, sighting: NetworkSighting): Partial<DownloadUse> => ({
        sighting,
        counted: [{ key: `link:${key.link}`, windowSeconds: WINDOW }],
      })
      const seen = async (key: DownloadKey, now = NOW) =>
        (await open({ ...asking(key, now), place: undefined })).sightings(`link:${key.link}`)

      test('are the networks and devices, the latest last, and what flows now', async () => {
        const key = newKey()
        const one = sightingOf('b', { device: 'two' })
        const two = sightingOf('a', { country: undefined, asn: undefined })
        const first = await begin(asking(key, NOW + 1), using(key, one))
        const second = await begin(asking(key, NOW + 2), using(key, two))
        const { flows, ...rest } = await seen(key, NOW + 2)
        expect(rest).toEqual({
          networks: [
            { ...one, firstSeen: NOW + 1, lastSeen: NOW + 1 },
            { ...two, firstSeen: NOW + 2, lastSeen: NOW + 2 },
          ],
          devices: ['two', 'aaaaaaaaaaaa'],
          estimates: undefined,
        })
        expect(flows.map(({ network }) => network).toSorted()).toEqual(['a', 'b'])
        first.download.leave()
        second.download.leave()
        expect((await seen(key, NOW + 2)).flows).toEqual([])
      })

      test('of a network that comes again count from then on', async () => {
        const key = newKey()
        await begin(asking(key), using(key, sightingOf('a')))
        await begin(asking(key, NOW + 5), using(key, sightingOf('a')))
        const [network] = (await seen(key, NOW + 5)).networks
        expect(network).toMatchObject({ firstSeen: NOW, lastSeen: NOW + 5 })
      })

      test('of those who are not counted are not kept', async () => {
        const key = newKey()
        const judge = () => ({ outcome: 'uncounted' as const })
        await begin(asking(key), { ...using(key, sightingOf('a')), judge })
        expect((await seen(key)).networks).toEqual([])
      })

      test('let one of those in who come at once for the last place', async () => {
        const { link } = newKey()
        const outcomes = await Promise.all(
          Array.from({ length: 8 }, async (_, i) => {
            const key = { link, object: '/a', client: `c${i}` }
            const session = await open(asking(key))
            const begun = await state.begin(
              session,
              useOf(key, {
                ...using(key, sightingOf(`10.0.${i}.0/24`)),
                judge: (now) =>
                  now.sightings(`link:${link}`).networks.length > 0
                    ? { outcome: 'refused', refusal: refuse('link_shared', '') }
                    : { outcome: 'counted' },
              }),
            )
            return begun.outcome
          }),
        )
        expect(outcomes.filter((outcome) => outcome === 'begun')).toHaveLength(1)
      })

      for (const count of [64, 65, 300]) {
        test(`of ${count} networks and devices are exact or near it`, async () => {
          const key = newKey()
          for (let i = 0; i < count; i++) {
            const sighting = sightingOf(`10.${i >> 8}.${i & 255}.0/24`, {
              asn: i % 100,
              device: `device-${i}`,
            })
            const { download, session } = await begin(asking(key, NOW + i), using(key, sighting))
            download.leave()
            session.release()
          }
          const { networks, estimates } = await seen(key, NOW + count)
          expect(networks).toHaveLength(64)
          if (count === 64) {
            expect(estimates).toBeUndefined()
            return
          }
          const asns = Math.min(count, 100)
          const expected = { networks: count, groups: asns, asns, countries: 1, devices: count }
          for (const [of, number] of Object.entries(expected)) {
            const estimate = estimates?.[of as keyof typeof expected] ?? 0
            expect(Math.abs(estimate - number) / number, `${of}: ${estimate}`).toBeLessThan(0.05)
          }
        })
      }
    })

    test('a rate is shared by all who hold its key', async () => {
      const first = state.joinRate('rate', 1000)
      const second = state.joinRate('rate', 1000)
      expect(second.rate).toBe(first.rate)
      await eventually('the whole rate', () => first.rate.bytesPerSecond === 1000)
      const stricter = state.joinRate('rate', 500)
      expect(stricter.rate).toBe(first.rate)
      await eventually('the strictest holds', () => first.rate.bytesPerSecond === 500)
      stricter.leave()
      await eventually('the first again', () => first.rate.bytesPerSecond === 1000)
      first.leave()
      second.leave()
      // who comes back at once finds the bucket as it was left
      expect(state.joinRate('rate', 500).rate).toBe(first.rate)
    })
  })
}

interface Asked {
  readonly client: string
  readonly limits: readonly { readonly kind: string; readonly max: number }[]
}

type Step =
  | ({ readonly kind: 'open' } & Asked)
  | { readonly kind: 'release'; readonly which: number; readonly twice: boolean }

const LIMITS = [
  { kind: 'link', max: 2 },
  { kind: 'subject', max: 3 },
  { kind: 'address', max: 1 },
]

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('open' as const),
    client: fc.constantFrom('a', 'b', 'c', 'd'),
    limits: fc.subarray(LIMITS, { minLength: 1 }),
  }),
  fc.record({ kind: fc.constant('release' as const), which: fc.nat(20), twice: fc.boolean() }),
)

/** The state as a plain list of what is held. */
class Model {
  readonly #held: Asked[] = []

  expected({ client, limits }: Asked): 'held' | 'refused' {
    const mine = this.#held.filter((held) => held.client === client)
    if (mine.length >= 3) return 'refused'
    const isFull = limits.some(({ kind, max }) => {
      const clients = new Set(this.#under(kind).map((held) => held.client))
      return !clients.has(client) && clients.size >= max
    })
    return isFull ? 'refused' : 'held'
  }

  take(asked: Asked): void {
    this.#held.push(asked)
  }

  release(asked: Asked): void {
    this.#held.splice(this.#held.indexOf(asked), 1)
  }

  #under(kind: string): Asked[] {
    return this.#held.filter(({ limits }) => limits.some((limit) => limit.kind === kind))
  }
}
