import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openAccessLog } from '../../../src/record/access-log.ts'
import type { AccessRecord } from '../../../src/record/access-record.ts'
import {
  type LiveConnection,
  type LiveDownloadFacts,
  LiveDownloads,
} from '../../../src/record/live-downloads.ts'
import { Metrics } from '../../../src/record/metrics.ts'
import { RecentRecords } from '../../../src/record/recent-records.ts'
import { accessRecord } from '../../support/access-record.ts'
import { eventually } from '../../support/eventually.ts'

function record(more: Partial<AccessRecord> = {}): AccessRecord {
  return accessRecord({ bytes: 100, ...more })
}

describe('RecentRecords', () => {
  it.each([
    [0, []],
    [1, ['1']],
    [3, ['3', '2', '1']],
    [4, ['4', '3', '2']],
    [10, ['10', '9', '8']],
  ])('of %i records the last three are kept, newest first', (count, kept) => {
    const recent = new RecentRecords(3)
    for (let i = 1; i <= count; i++) recent.write(JSON.stringify(record({ request_id: String(i) })))
    expect([...recent.newestFirst()].map((one) => one.request_id)).toEqual(kept)
  })

  it('keeps the last ones, whole, when they fill many pages', () => {
    const recent = new RecentRecords(1000)
    const of = (i: number): AccessRecord =>
      record({ request_id: String(i), path: `/files/é\n\u2028${'ü'.repeat(i % 300)}` })
    for (let i = 0; i < 5000; i++) recent.write(JSON.stringify(of(i)))
    const kept = [...recent.newestFirst()]
    expect(kept).toEqual(Array.from({ length: 1000 }, (_, i) => of(4999 - i)))
  })

  it('keeps a line that is longer than a page', () => {
    const recent = new RecentRecords(3)
    const long = record({ detail: 'x'.repeat(600_000) })
    for (const one of [record(), long, record()]) recent.write(JSON.stringify(one))
    expect([...recent.newestFirst()]).toEqual([record(), long, record()])
  })
})

describe('the access log', () => {
  it('has one JSON line a record, and goes on in a new file after rotation', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-log-'))
    const file = join(directory, 'new/access.jsonl')
    const errors: Error[] = []
    const log = openAccessLog(file, (error) => errors.push(error))
    try {
      const odd = record({ path: '/files/a\n"ü\u2028' })
      log.write(JSON.stringify(record()))
      log.write(JSON.stringify(odd))
      await log.close()
      const text = readFileSync(file, 'utf8')
      expect(text.endsWith('\n')).toBe(true)
      expect(
        text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown),
      ).toEqual([record(), odd])
      renameSync(file, `${file}.1`)
      const next = openAccessLog(file, (error) => errors.push(error))
      next.write(JSON.stringify(record({ request_id: 'r2' })))
      await next.close()
      expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(record({ request_id: 'r2' }))
      expect(errors).toEqual([])
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

describe('an access log that is closed right behind a rotation', () => {
  it.each([1, 3, 500])('ends, with all of %i lines', async (count) => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-log-'))
    const file = join(directory, 'access.jsonl')
    try {
      const log = openAccessLog(file, (error) => {
        throw error
      })
      log.write(JSON.stringify(record()))
      await eventually('a first line', () => readFileSync(file, 'utf8') !== '')
      for (let i = 0; i < count; i++) log.write(JSON.stringify(record()))
      log.reopen()
      await log.close()
      expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(count + 2)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

describe('LiveDownloads', () => {
  const facts = (key: string, more: Partial<LiveDownloadFacts> = {}): LiveDownloadFacts => ({
    key,
    linkId: 'l1',
    kid: 'k1',
    scheme: 'sluice-hmac',
    subject: undefined,
    tag: undefined,
    issuedAt: undefined,
    path: '/files/a',
    client: '192.0.2.1',
    size: 100,
    ...more,
  })

  function connection(): LiveConnection & { readonly ended: string[] } {
    const ended: string[] = []
    return { bytes: 10, ended, end: (by, detail) => ended.push(`${by}: ${detail}`) }
  }

  it('connections of one download share an entry, which ends with the last of them', () => {
    const live = new LiveDownloads()
    const leaves = [connection(), connection()].map((one) =>
      live.join(facts('a'), one, 5, () => 0.5),
    )
    live.join(facts('b'), connection(), 6, () => 0)
    expect(live.count).toBe(2)
    const [entry] = live.list()
    expect([entry?.connections.size, entry?.startedAt, entry?.coverage()]).toEqual([2, 5, 0.5])
    expect(live.list()[0]?.id).toBe(entry?.id)
    leaves[0]!()
    expect(live.count).toBe(2)
    leaves[1]!()
    expect(live.list().map(({ facts: { key } }) => key)).toEqual(['b'])
  })

  it('leaving twice does not end a later download of the same key', () => {
    const live = new LiveDownloads()
    const leave = live.join(facts('a'), connection(), 1, () => 0)
    leave()
    live.join(facts('a'), connection(), 2, () => 0)
    leave()
    expect(live.count).toBe(1)
  })

  it('ends every connection of the downloads that fit, and says how many downloads that were', () => {
    const live = new LiveDownloads()
    const [one, two, other] = [connection(), connection(), connection()]
    live.join(facts('a'), one, 1, () => 0)
    live.join(facts('a'), two, 1, () => 0)
    live.join(facts('b', { linkId: 'l2' }), other, 1, () => 0)
    expect(live.end((download) => download.facts.linkId === 'l1', 'revoked')).toBe(1)
    expect([one.ended, two.ended, other.ended]).toEqual([
      ['gateway: revoked'],
      ['gateway: revoked'],
      [],
    ])
  })

  it('connections that leave while they are ended are all ended', () => {
    const live = new LiveDownloads()
    const ended: number[] = []
    for (const n of [1, 2, 3]) {
      const leave = live.join(
        facts('a'),
        {
          bytes: 0,
          end: () => {
            ended.push(n)
            leave()
          },
        },
        1,
        () => 0,
      )
    }
    expect(live.end(() => true, 'x')).toBe(1)
    expect([ended, live.count]).toEqual([[1, 2, 3], 0])
  })
})

describe('metrics', () => {
  const sources = {
    openDownloads: () => 3,
    heldLeases: () => 4,
    configHash: () => 'abc',
    lists: () => [
      { name: 'pirates', entries: 5, refreshed_at: 86_388_000, error: null },
      { name: 'tor', entries: 0, refreshed_at: null, error: 'it answers 500' },
    ],
    keySets: () => [{ name: 'idp.example/jwks.json', age: 7, count: 2 }],
    networkDataBuilt: () => [['country', new Date(0)]] as const,
    certificateEnd: () => undefined,
    workers: () => undefined,
    stateIsUp: () => true,
    now: () => 86_400_000,
  }

  it('count requests, bytes and keys', async () => {
    const metrics = new Metrics(sources)
    metrics.write(record())
    metrics.write(record({ status: 206, bytes: 50 }))
    metrics.write(
      record({ status: 410, decision: 'deny', reason: 'link_expired', bytes: 0, kid: null }),
    )
    expect(metrics.totals).toEqual({ requests: 3, denied: 1, bytes: 150 })
    const text = await metrics.registry.metrics()
    expect(text).toContain('sluice_body_bytes_total{route="/files/",origin="library"} 150')
    expect(text).toContain('sluice_links_verified_total{kid="k1",scheme="sluice-hmac"} 2')
    expect(text).toMatch(
      /sluice_requests_total\{[^}]*status="410"[^}]*reason="link_expired"[^}]*\} 1/,
    )
    expect(text).toContain('sluice_downloads_open 3')
    expect(text).toContain('sluice_leases_held 4')
    expect(text).toContain('sluice_config_info{hash="abc"} 1')
    expect(text).toContain('sluice_list_age_seconds{list="pirates"} 12')
    expect(text).not.toContain('sluice_list_age_seconds{list="tor"}')
    expect(text).toContain('sluice_list_entries{list="pirates"} 5')
    expect(text).toContain('sluice_list_has_error{list="pirates"} 0')
    expect(text).toContain('sluice_list_has_error{list="tor"} 1')
    expect(text).toContain('sluice_jwks_age_seconds{set="idp.example/jwks.json"} 7')
    expect(text).toContain('sluice_jwks_keys{set="idp.example/jwks.json"} 2')
  })

  it('no label names a path, an address or a link', async () => {
    const metrics = new Metrics(sources)
    metrics.write(
      record({
        path: '/files/very-secret',
        client: '203.0.113.77',
        link_id: 'link-77',
        subject: 'alice-77',
      }),
    )
    expect(await metrics.registry.metrics()).not.toMatch(
      /very-secret|203\.0\.113\.77|link-77|alice-77/,
    )
  })
})
