import { describe, expect, test } from 'vitest'
import { ROWS } from '../../../bench/names.ts'
import {
  type CaseResult,
  growthBetween,
  type Row,
  type Series,
  seriesOf,
} from '../../../bench/statistics.ts'
import { judgeTargets } from '../../../bench/targets.ts'

function result(id: string, rows: readonly (readonly [string, number])[]): CaseResult {
  return {
    id,
    title: id,
    unit: '',
    better: 'lower',
    rows: rows.map(([name, value]) => ({ name, series: seriesOf([value]) })),
  }
}

function judged(cases: readonly CaseResult[], text: string): boolean | undefined {
  const target = judgeTargets(cases).find((one) => one.text.includes(text))
  if (!target) throw new Error(`no target says ${text}`)
  return target.isMet
}

describe('targets', () => {
  test('are all listed when nothing was measured, and none is met', () => {
    const targets = judgeTargets([])
    expect(targets.length).toBeGreaterThan(20)
    expect(targets.every(({ isMet }) => isMet === undefined)).toBe(true)
  })

  test('of a ratio hold from their bound on', () => {
    const at = (ours: number): CaseResult[] => [
      result('small-known', [
        [ROWS.hmac, ours],
        [ROWS.haproxyFull, 10_000],
      ]),
    ]
    const text = `${ROWS.hmac}: at least 0.7 x ${ROWS.haproxyFull}`
    expect(judged(at(7000), text)).toBe(true)
    expect(judged(at(6990), text)).toBe(false)
  })

  test('of latency are about the distance to the origin itself', () => {
    const at = (ours: number): CaseResult[] => [
      result('latency-p99', [
        [ROWS.sluice, ours],
        [ROWS.direct, 7],
      ]),
    ]
    expect(judged(at(11.9), '99th percentile')).toBe(true)
    expect(judged(at(12), '99th percentile')).toBe(false)
  })

  test('of growth compare the largest setting with the smallest', () => {
    const at = (last: number): CaseResult[] => [
      result('decisions-keys-fresh', [
        ['1 key', 10],
        ['100 keys', 30],
        ['10,000 keys', last],
      ]),
    ]
    const text = 'fresh links: grows by less than 10 % from 1 to'
    expect(judged(at(10.9), text)).toBe(true)
    expect(judged(at(11.1), text)).toBe(false)
  })

  test('of growth compare what was measured in one round', () => {
    const [base, keys] = [
      [10, 20, 30],
      [10.5, 21, 60],
    ].map(seriesOf)
    const rows = [base, keys].map((series, i) => ({ name: `row ${i}`, series: series as Series }))
    expect(growthBetween(rows[0] as Row, rows[1] as Row)).toBeCloseTo(5)
  })
})
