import { describe, expect, test } from 'vitest'
import { refuse } from '../../../src/base/refusal.ts'
import {
  begunOf,
  limitedTo,
  linkStateContract,
  newKey,
  questionOf,
  useOf,
} from '../../contract/link-state-contract.ts'
import { eventually } from '../../support/eventually.ts'
import { WorkerLinkStates } from '../../support/worker-link-states.ts'

linkStateContract('WorkerLinkState', async () => {
  const states = new WorkerLinkStates()
  return {
    state: states.add().state,
    async dispose() {
      expect(states.failures).toEqual([])
    },
  }
})

describe('two workers', () => {
  const uses = { max: 1, coverage: 0.9 }
  const MIB = 1024 * 1024

  test('never pass a limit together', async () => {
    const states = new WorkerLinkStates(2)
    const [one, other] = [states.add().state, states.add().state]
    const { link } = newKey()
    const sessions = await Promise.all(
      Array.from({ length: 40 }, async (_, i) =>
        (i % 2 ? one : other).open(
          questionOf({ link, object: '/a', client: `c${i}` }, limitedTo(3, link)),
        ),
      ),
    )
    expect(sessions.filter(({ place }) => place.outcome === 'held')).toHaveLength(3)
    expect(one.held + other.held).toBe(3)
    expect(states.primary.held).toBe(3)
  })

  test('free what one of them held when it dies, and nothing of the other', async () => {
    const states = new WorkerLinkStates(2)
    const [dying, other] = [states.add(), states.add()]
    const { link } = newKey()
    const ask = (client: string) =>
      questionOf({ link, object: '/a', client }, { ...limitedTo(2, link), uses })
    await dying.state.open(ask('a'))
    const session = await dying.state.open(ask('a'))
    await dying.state.begin(session, useOf(ask('a').download, { uses }))
    await other.state.open(ask('b'))
    expect((await other.state.open(ask('c'))).place.outcome).toBe('refused')
    dying.die()
    const free = await other.state.open(ask('d'))
    expect(free.place.outcome).toBe('held')
    expect(free.reserved).toBe(0)
    expect((await other.state.open(ask('e'))).place.outcome).toBe('refused')
  })

  test('spend a use by pieces that each of them sends, before the byte that makes it', async () => {
    const states = new WorkerLinkStates(2)
    const [one, other] = [states.add().state, states.add().state]
    const question = questionOf(newKey(), { uses })
    const size = 10 * MIB
    const begin = async (state: typeof one) => {
      const session = await state.open(question)
      return begunOf(await state.begin(session, useOf(question.download, { uses, size })))
    }
    const [first, second] = [await begin(one), await begin(other)]
    const spent = async () => (await other.open({ ...question, place: undefined })).spent
    const chunk = 64 * 1024
    let asked = 0
    for (let sent = 0; sent < 4.5 * MIB - chunk; sent += chunk) {
      for (const [download, from] of [
        [first, 0],
        [second, 5 * MIB],
      ] as const) {
        const counted = download.count(from + sent, from + sent + chunk)
        if (counted) asked++
        await counted
      }
    }
    expect(await spent()).toBe(0)
    await first.count(4.5 * MIB - chunk, 4.5 * MIB)
    expect(await spent()).toBe(0)
    await second.count(9.5 * MIB - chunk, 9.5 * MIB)
    expect(await spent()).toBe(1)
    expect(asked, 'chunks of 142 that waited for the primary').toBeLessThan(50)
  })

  test('judge again what the other changed meanwhile', async () => {
    const states = new WorkerLinkStates(2)
    const { link } = newKey()
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const { state } = states.add()
        const key = { link, object: '/a', client: `c${i}` }
        const session = await state.open(questionOf(key, { uses }))
        const use = useOf(key, {
          uses,
          judge: ({ spent, reserved }) =>
            spent + reserved < uses.max
              ? { outcome: 'counted' }
              : { outcome: 'refused', refusal: refuse('link_used', '') },
        })
        return (await state.begin(session, use)).outcome
      }),
    )
    expect(outcomes.filter((outcome) => outcome === 'begun')).toHaveLength(1)
  })

  test('divide a rate by their connections, and get it back', async () => {
    const states = new WorkerLinkStates(2)
    const [one, other] = [states.add(), states.add()]
    const join = ({ state }: typeof one) => state.joinRate('link', 1200)
    const mine = [join(one), join(one)]
    const [{ rate }] = mine as [(typeof mine)[0]]
    expect(rate.bytesPerSecond).toBe(600)
    await eventually('the whole rate', () => rate.bytesPerSecond === 1200)
    const theirs = join(other)
    await eventually('a third', () => theirs.rate.bytesPerSecond === 400)
    expect(rate.bytesPerSecond).toBe(800)
    other.die()
    await eventually('the whole rate again', () => rate.bytesPerSecond === 1200)
  })

  test('of a link without limits ask nobody, and tell what can be resumed', async () => {
    const states = new WorkerLinkStates(2)
    const [one, other] = [states.add().state, states.add().state]
    const question = questionOf(newKey())
    const session = one.open(question)
    if (session instanceof Promise) throw new Error('it asked')
    const begun = one.begin(session, useOf(question.download))
    if (begun instanceof Promise) throw new Error('it asked')
    const download = begunOf(begun)
    void download.count(0, 40)
    download.leave()
    session.release()
    await eventually('what was begun is known', async () => {
      const { known } = await other.open({ ...question, wantsDownload: true, place: undefined })
      return known?.intervals.covered === 40
    })
  })

  test('sum up the coverage of one download', async () => {
    const states = new WorkerLinkStates(2)
    const question = questionOf(newKey())
    const use = useOf(question.download, { mayResume: true })
    const parts = [states.add().state, states.add().state].map((state) => {
      const session = state.open(question)
      if (session instanceof Promise) throw new Error('it asked')
      const begun = state.begin(session, use)
      if (begun instanceof Promise) throw new Error('it asked')
      return begunOf(begun)
    })
    for (const [i, part] of parts.entries()) void part.count(50 * i, 50 * i + 50)
    await eventually('both are known', () => {
      for (const part of parts) part.leave()
      return states.coverages.get(parts[0]?.text ?? '') === 1
    })
  })
})
