import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectFreed } from '../support/figures.ts'
import { openDownload } from '../support/http-client.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'
import {
  expectWithin5,
  type ThrottledShares,
  throttledShares,
} from '../support/throttled-shares.ts'

const RATE = 1_000_000

let gateway: TestGateway
let links = 0

beforeAll(async () => {
  gateway = await startTestGateway({
    files: { 'a.bin': Buffer.alloc(16 * RATE) },
    policies: {
      bylink: { rate: { bytesPerSecond: RATE } },
      bysubject: { rate: { bytesPerSecond: RATE, countBy: 'subject' } },
    },
    routes: ['bylink', 'bysubject'].map((policy) => ({
      path: `/${policy}/`,
      origin: 'library',
      policy,
      schemes: ['sluice-hmac'],
    })),
  })
})

afterAll(async () => {
  await gateway.close()
})

type Parameters = Readonly<Record<string, string | number>>

const fresh = (policy: string, parameters: Parameters = {}): string =>
  gateway.sign(`/${policy}/a.bin`, { jti: `throttled-${++links}`, ...parameters })

const shares = (targets: readonly string[]): Promise<ThrottledShares> =>
  throttledShares(
    targets.map((target) => openDownload(gateway, target)),
    RATE,
  )

const only = ({ each, lost }: ThrottledShares, ...at: readonly number[]): ThrottledShares => ({
  each: at.map((i) => each[i] ?? 0),
  lost,
})

/** `count` connections of one link. */
const ofOneLink = (count: number): string[] => Array<string>(count).fill(fresh('bylink'))

describe.concurrent('over ten seconds, from the first byte on, within 5 %', () => {
  test.each([1, 4, 16])('a link keeps its rate with %i connections, all alike', async (count) => {
    const got = await shares(ofOneLink(count))
    expectWithin5(got, 1)
    for (const share of got.each) expect(Math.abs(share * count - 1)).toBeLessThan(0.4)
  })

  test('all links of a subject share its rate, and a link without subject has its own', async () => {
    const ann = [1, 2, 3].map(() => fresh('bysubject', { subject: 'ann' }))
    const got = await shares([fresh('bysubject'), ...ann])
    expectWithin5(only(got, 0), 1)
    expectWithin5(only(got, 1, 2, 3), 1)
  })

  test('the rate of a link binds within that of its subject', async () => {
    const slow = fresh('bysubject', { subject: 'bob', rate: RATE / 5 })
    const got = await shares([slow, fresh('bysubject', { subject: 'bob' })])
    expectWithin5(only(got, 0), 0.2)
    expectWithin5(only(got, 1), 0.8)
  })

  test('of two rates that one link was signed with, the stricter holds for both', async () => {
    const jti = 'signed-twice'
    const got = await shares([
      fresh('bylink', { jti, rate: RATE / 2 }),
      fresh('bylink', { jti, rate: RATE / 4 }),
    ])
    expectWithin5(got, 0.25)
  })
})

test('nothing is held afterwards', async () => {
  await expectFreed(gateway)
})
