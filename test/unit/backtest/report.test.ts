import { describe, expect, test } from 'vitest'
import { backtest, type BacktestOptions } from '../../../src/backtest/backtest.ts'
import { reportLines } from '../../../src/backtest/report-text.ts'
import { NOTHING_KNOWN } from '../../../src/base/network-facts.ts'
import { logLine, type RecordParts } from '../../support/access-log-lines.ts'
import { NOW, policyOf } from '../../support/request-parts.ts'

const BLOCKS_US = { countries: { block: ['US'] } }

type Log = readonly (RecordParts | string)[]

function run(
  policy: Record<string, unknown>,
  logs: readonly Log[],
  options: Partial<BacktestOptions> = {},
): ReturnType<typeof backtest> {
  const text = (log: Log): string =>
    log.map((line) => `${typeof line === 'string' ? line : logLine(line)}\n`).join('')
  return backtest({
    policy: policyOf(policy),
    factsOf: () => NOTHING_KNOWN,
    policiesThen: () => undefined,
    logs: logs.map((_, i) => `log-${i}`),
    open: async function* (name) {
      const bytes = Buffer.from(text(logs[Number(name.slice(4))] ?? []))
      // cut anywhere, also in the middle of a character
      for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7)
    },
    top: 20,
    ...options,
  })
}

test('a row counts requests, links, clients, subjects and bytes once each', async () => {
  const { refused, judged } = await run(BLOCKS_US, [
    [
      { country: 'US', client: '8.8.8.8', subject: 'ü', bytes: 10 },
      { country: 'US', client: '8.8.8.8', subject: 'ü', bytes: 20 },
      {
        country: 'US',
        client: '8.8.4.4',
        link_id: 'link-2',
        bytes: 0,
        decision: 'deny',
        reason: 'country_not_allowed',
      },
      { country: 'DE' },
    ],
  ])
  expect(judged).toBe(4)
  expect(refused).toEqual([
    {
      reason: 'country_not_allowed',
      requests: 3,
      new: 2,
      links: 2,
      clients: 2,
      subjects: 1,
      bytes: 30,
      top: [
        { kid: 'k1', link_id: 'link-1', requests: 2, evidence: 'US is blocked' },
        { kid: 'k1', link_id: 'link-2', requests: 1, evidence: 'US is blocked' },
      ],
    },
  ])
})

describe('lines', () => {
  test('that are no records are counted and named, and end nothing', async () => {
    const { lines, judged } = await run({}, [[{}, 'x', '{"time":1}', '', {}]])
    expect(judged).toBe(2)
    expect(lines).toMatchObject({
      records: 2,
      unreadable: 2,
      named: ['log-0:2: is not JSON', 'log-0:3: is no access record: time'],
    })
  })

  test('of requests without a link or a client are counted and skipped', async () => {
    const { lines, judged } = await run({}, [[{ link_id: null }, { client: null }, {}]])
    expect([judged, lines]).toMatchObject([1, { records: 3, no_link: 1, no_client: 1 }])
  })
})

describe('requests', () => {
  const parallel = { parallel: { maxDownloads: 1 } }

  test('are judged in the order in which they began, not in which they ended', async () => {
    const { refused } = await run(parallel, [
      [
        { at: 5, client: '5.9.1.1' },
        { at: 0, client: '5.9.0.1', duration_ms: 10_000, link_id: 'link-1' },
      ],
    ])
    expect(refused).toMatchObject([{ reason: 'too_many_downloads', clients: 1 }])
  })

  test('of several logs are judged together', async () => {
    const long = { at: 0, client: '5.9.0.1', duration_ms: 10_000 }
    const { refused } = await run(parallel, [[long], [{ at: 5, client: '5.9.1.1' }]])
    expect(refused).toMatchObject([{ requests: 1 }])
  })

  test('before --since leave behind what rules ask for, and are not reported', async () => {
    const policy = {
      antiFraud: { default: true, sharing: { maxNetworks: 1, heuristics: { minSignals: null } } },
    }
    const log = [{ client: '5.9.0.1' }, { at: 60, client: '5.9.1.1' }]
    const { refused, judged, left_out } = await run(policy, [log], { since: (NOW + 30) * 1000 })
    expect([judged, left_out]).toEqual([1, 1])
    expect(refused).toMatchObject([{ reason: 'link_shared', requests: 1 }])
  })

  test('from --until on and of other policies are left out', async () => {
    const log = [{ country: 'US' }, { country: 'US', policy: 'other' }, { country: 'US', at: 60 }]
    const { judged, left_out } = await run(BLOCKS_US, [log], {
      until: (NOW + 60) * 1000,
      judgedBy: 'default',
    })
    expect([judged, left_out]).toEqual([1, 2])
  })
})

test('what records cannot show is not judged, and said', async () => {
  const policy = { referrers: { allow: ['example.com'] }, address: { pin: 'required' } }
  const { refused, notes } = await run(policy, [[{}]])
  expect(refused).toEqual([])
  expect(notes.join('\n')).toMatch(/referrers is not judged[^]*pin required is not judged/)
  expect(notes.join('\n')).toMatch(/proxy_headers is never seen/)
})

test('the text shows each fate, cuts evidence to the width and lets nothing of the log move a cursor', async () => {
  const log = [{ country: 'US', link_id: 'a\u001b[2Jü', subject: 's' }]
  const lines = reportLines(await run(BLOCKS_US, [log]), 30)
  expect(lines).toContain('would be refused')
  expect(lines).toContain('  country_not_allowed         1    1      1        1         1   1000')
  expect(lines).toContain('  a?[2J?  1  US is blocked')
  expect(lines.join('')).not.toMatch(/[^ -~]/)
  const narrow = reportLines(await run(BLOCKS_US, [log]), 20)
  expect(narrow).toContain('  a?[2J?  1  US i...')
})
