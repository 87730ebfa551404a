import { describe, expect, it } from 'vitest'
import type { Constraints } from '../../../src/link/constraints.ts'
import type { Grant } from '../../../src/link/grant.ts'
import { sharedCacheSeconds } from '../../../src/policy/shared-cache.ts'
import { address, grantOf, NOW, policyOf } from '../../support/request-parts.ts'

const edge = { cache: 'edge', edge: { maxSeconds: 60, marginSeconds: 5 } }

function secondsOf(grant: Partial<Grant>, policy: object = {}): number {
  return sharedCacheSeconds(grantOf({}, grant), policyOf({ delivery: edge, ...policy }), NOW)
}

describe('the seconds that a shared cache may keep an answer', () => {
  it('are those of the policy, as long as the link lives longer', () => {
    expect(secondsOf({ validUntil: NOW + 65 })).toBe(60)
    expect(secondsOf({ validUntil: Infinity })).toBe(60)
  })

  it('end before the link does', () => {
    expect(secondsOf({ validUntil: NOW + 64 })).toBe(59)
    expect(secondsOf({ validUntil: NOW + 6 })).toBe(1)
    for (const left of [5, 1, 0, -100]) expect(secondsOf({ validUntil: NOW + left })).toBe(0)
  })

  it('end before the key does', () => {
    const { key } = grantOf()
    const grant = { validUntil: NOW + 3600, key: { ...key, retireAt: NOW + 25 } }
    expect(secondsOf(grant)).toBe(20)
  })

  it('are none unless the policy says edge', () => {
    const grant = grantOf()
    expect(sharedCacheSeconds(grant, policyOf({}), NOW)).toBe(0)
  })

  it.each<Constraints>([
    { ip: [{ first: address('192.0.2.1'), prefix: 32 }] },
    { max_parallel_downloads: 4 },
    { anti_fraud: true },
    { autograph_tag: 'a' },
    { multi_use: false },
    { rate: 1000 },
    { accessRules: [] },
    { subject: 'alice' },
  ])('are none for a link with %j', (constraints) => {
    expect(secondsOf({ validUntil: NOW + 3600, constraints })).toBe(0)
  })

  it.each<Constraints>([
    { jti: 'x', iat: NOW - 1, nbf: NOW - 1 },
    { streaming: true, filename: 'a.bin' },
    { anti_fraud: false, multi_use: true },
  ])('are counted for a link with %j', (constraints) => {
    expect(secondsOf({ validUntil: NOW + 3600, constraints })).toBe(60)
  })

  it('are none for a link with conditions, or that renews itself', () => {
    const condition = { name: 'method', check: () => undefined }
    expect(secondsOf({ validUntil: NOW + 3600, conditions: [condition] })).toBe(0)
    expect(secondsOf({ validUntil: NOW + 3600, renew: () => [] })).toBe(0)
  })

  it.each([
    { address: { pin: 'required' } },
    { address: { pin: 'first-use', enforcement: 'observe' } },
    { parallel: { maxDownloads: 4 } },
    { uses: { max: 4 } },
    { rate: { bytesPerSecond: 1000 } },
    { countries: { allow: ['DE'] } },
    { countries: { block: ['DE'] } },
    { networks: { allow: ['192.0.2.0/24'] } },
    { networks: { block: ['192.0.2.0/24'] } },
    { referrers: { allow: ['a.example'] } },
    { antiFraud: { default: true } },
  ])('are none under the policy %j', (policy) => {
    expect(secondsOf({ validUntil: NOW + 3600 }, policy)).toBe(0)
  })
})
