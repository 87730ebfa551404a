import { describe, expect, test } from 'vitest'
import { ROWS } from '../../../bench/names.ts'
import { replaceBetween, shortTable } from '../../../bench/publish.ts'
import { type CaseResult, measureSeries, seriesOf } from '../../../bench/statistics.ts'

const machine = { cores: 2, model: 'some processor', kernel: '6.1', versions: {} }

function known(rows: Readonly<Record<string, number>>): CaseResult {
  return {
    id: 'small-known',
    title: '1 KiB, known links',
    unit: 'requests per CPU second',
    better: 'higher',
    rows: Object.entries(rows).map(([name, value]) => ({ name, series: seriesOf([value]) })),
  }
}

describe('a published result', () => {
  test('takes the place between its markers and leaves the rest of the page alone', () => {
    const page = 'before\n\n<!-- bench -->\n\nold\n\n<!-- /bench -->\n\nafter\n'
    const once = replaceBetween(page, 'bench', 'new\n')
    expect(once).toBe('before\n\n<!-- bench -->\n\nnew\n\n<!-- /bench -->\n\nafter\n')
    expect(replaceBetween(once, 'bench', 'new')).toBe(once)
  })

  test('is refused by a page without a place for it', () => {
    expect(() => replaceBetween('<!-- bench -->\nnever closed', 'bench', 'new')).toThrow(
      'there is no place',
    )
    expect(() => replaceBetween('nothing', 'bench', 'new')).toThrow('there is no place')
  })

  test('has date and machine, medians under their columns, and nothing where nothing was measured', () => {
    const text = shortTable({
      date: '2026-11-21T10:00:00.000Z',
      rounds: 5,
      secondsPerRound: 4,
      machine,
      cases: [known({ [ROWS.hmac]: 20_000, [ROWS.haproxyFull]: 30_000 })],
      targets: [],
      notes: [],
    })
    expect(text).toContain('2026-11-21, 2 cores some processor')
    const line = text.split('\n').find((one) => one.includes('known links')) ?? ''
    const cells = line.split('|').map((cell) => cell.trim())
    expect(cells.slice(2, 8)).toEqual(['20,000', '', '', '30,000', '', ''])
  })
})

describe('rounds', () => {
  test('alternate between the probes and keep the figures of one measurement apart', async () => {
    const order: string[] = []
    const probe = (name: string, base: number) => ({
      name,
      measure: () => {
        order.push(name)
        return Promise.resolve([base + order.length, base])
      },
    })
    const [counted, bases] = await measureSeries([probe('a', 10), probe('b', 20)], 2)
    expect(order).toEqual(['a', 'b', 'a', 'b'])
    expect(counted?.map(({ series }) => series.values)).toEqual([
      [11, 13],
      [22, 24],
    ])
    expect(bases?.map(({ series }) => series.median)).toEqual([10, 20])
  })
})
