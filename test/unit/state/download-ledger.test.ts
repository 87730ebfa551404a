import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDatabase } from '../../../src/state/database.ts'
import {
  type BeginDownload,
  type DownloadKey,
  DownloadLedger,
  type OpenDownload,
} from '../../../src/state/download-ledger.ts'
import { address, NOW } from '../../support/request-parts.ts'

const KEY: DownloadKey = { link: 'k1/l1', object: '/files/a', client: '192.0.2.1' }
const ONCE = { max: 1, coverage: 0.9 }

let directory: string
let database: ReturnType<typeof openDatabase>
let ledger: DownloadLedger

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-ledger-'))
  database = openDatabase(directory)
  ledger = new DownloadLedger(database)
})

afterEach(() => {
  database.close()
  rmSync(directory, { recursive: true, force: true })
})

function begin(more: Partial<BeginDownload> = {}): OpenDownload {
  return ledger.begin({
    key: KEY,
    etag: '"1"',
    size: 100,
    now: NOW,
    expires: NOW + 3600,
    uses: undefined,
    mayResume: false,
    ...more,
  })
}

/** Another process on the same file, as after kill -9: nothing was closed. */
function afterCrash<T>(ask: (ledger: DownloadLedger) => T): T {
  const other = openDatabase(directory)
  try {
    return ask(new DownloadLedger(other))
  } finally {
    other.close()
  }
}

describe('coverage', () => {
  it('counts unique bytes over all connections of a download', () => {
    const first = begin()
    const second = begin()
    expect(second).toBe(first)
    first.count(0, 40)
    second.count(30, 60)
    second.count(30, 60)
    expect(first.coverage).toBe(0.6)
    expect(first.isComplete).toBe(false)
    first.count(60, 100)
    expect([second.coverage, second.isComplete]).toEqual([1, true])
  })

  it('of another client, link or object counts apart', () => {
    begin().count(0, 50)
    for (const other of [{ client: '192.0.2.2' }, { link: 'k1/l2' }, { object: '/files/b' }]) {
      expect(begin({ key: { ...KEY, ...other } }).coverage).toBe(0)
    }
  })

  it('begins anew when the object has changed', () => {
    begin().count(0, 50)
    expect(begin({ etag: '"2"' }).coverage).toBe(0)
    expect(begin({ etag: '"2"', size: 200 }).coverage).toBe(0)
  })

  it('of an object of unknown size is whole', () => {
    expect(begin({ size: 0 }).coverage).toBe(1)
  })
})

describe('a use', () => {
  it('is spent at the coverage, not before, and once', () => {
    const download = begin({ uses: ONCE })
    download.count(0, 89)
    expect([ledger.spent(KEY.link), download.used]).toEqual([0, false])
    download.count(89, 90)
    expect([ledger.spent(KEY.link), download.used]).toEqual([1, true])
    download.count(90, 100)
    download.count(0, 100)
    expect(ledger.spent(KEY.link)).toBe(1)
  })

  it('is not spent by the same bytes again and again', () => {
    const download = begin({ uses: ONCE })
    for (let i = 0; i < 100; i++) download.count(0, 50)
    expect(ledger.spent(KEY.link)).toBe(0)
  })

  it('is on disk before the byte that makes it is sent', () => {
    begin({ uses: ONCE }).count(0, 90)
    expect(afterCrash((other) => [other.spent(KEY.link), other.find(KEY)?.used])).toEqual([1, true])
  })

  it('is spent by pieces over several connections and a restart', () => {
    const first = begin({ uses: ONCE })
    first.count(0, 50)
    first.leave()
    database.close()
    database = openDatabase(directory)
    ledger = new DownloadLedger(database)
    const second = begin({ uses: ONCE, now: NOW + 60 })
    expect([second.coverage, second.startedAt]).toEqual([0.5, NOW])
    second.count(50, 90)
    expect(ledger.spent(KEY.link)).toBe(1)
  })

  it('of two clients is two', () => {
    begin({ uses: { max: 5, coverage: 0.5 } }).count(0, 50)
    begin({ uses: { max: 5, coverage: 0.5 }, key: { ...KEY, client: 'x' } }).count(0, 50)
    expect([ledger.spent(KEY.link), ledger.spent('another')]).toEqual([2, 0])
  })

  it('without a limit is not counted', () => {
    begin().count(0, 100)
    expect(ledger.spent(KEY.link)).toBe(0)
  })

  it('is spent by the first byte of an object of unknown size', () => {
    const download = begin({ uses: ONCE, size: 0 })
    expect(ledger.spent(KEY.link)).toBe(0)
    download.count(0, 1)
    expect(ledger.spent(KEY.link)).toBe(1)
  })
})

describe('open downloads of others hold their use', () => {
  const other = { ...KEY, client: '192.0.2.2' }

  it('until it is spent or they end', () => {
    const mine = begin({ uses: ONCE })
    expect([ledger.reserved(KEY.link, KEY), ledger.reserved(KEY.link, other)]).toEqual([0, 1])
    mine.count(0, 95)
    expect(ledger.reserved(KEY.link, other)).toBe(0)
    const theirs = begin({ uses: ONCE, key: other })
    const again = begin({ uses: ONCE, key: other })
    expect(ledger.reserved(KEY.link, KEY)).toBe(1)
    theirs.leave()
    expect(ledger.reserved(KEY.link, KEY)).toBe(1)
    again.leave()
    expect(ledger.reserved(KEY.link, KEY)).toBe(0)
  })

  it('but not of links without limited uses', () => {
    begin()
    expect(ledger.reserved(KEY.link, other)).toBe(0)
  })
})

describe('resume', () => {
  it('an unfinished download is known after its last connection is gone', () => {
    const download = begin()
    download.count(0, 30)
    download.leave()
    expect(ledger.find(KEY)).toMatchObject({ etag: '"1"', size: 100, startedAt: NOW, used: false })
    expect(begin({ mayResume: true, now: NOW + 5 })).toMatchObject({
      coverage: 0.3,
      startedAt: NOW,
    })
  })

  it('a whole request begins anew where uses are not limited', () => {
    const download = begin()
    download.count(0, 30)
    download.leave()
    expect(begin({ now: NOW + 5 })).toMatchObject({ coverage: 0, startedAt: NOW + 5 })
  })

  it('a finished one is forgotten where uses are not limited, and kept where they are', () => {
    const free = begin()
    free.count(0, 100)
    free.leave()
    expect(ledger.find(KEY)).toBeUndefined()
    const limited = begin({ uses: ONCE })
    limited.count(0, 100)
    limited.leave()
    expect(ledger.find(KEY)?.used).toBe(true)
  })

  it('a finished one that was written down while it ran is dropped', () => {
    const download = begin()
    ledger.checkpoint()
    expect(afterCrash((other) => other.find(KEY))).toBeDefined()
    download.count(0, 100)
    download.leave()
    expect(afterCrash((other) => other.find(KEY))).toBeUndefined()
  })

  it('of an object without an ETag is not possible', () => {
    const download = begin({ etag: '' })
    download.count(0, 30)
    download.leave()
    expect(ledger.find(KEY)).toBeUndefined()
  })

  it('a download that runs when the process dies is known from its last checkpoint', () => {
    const download = begin({ uses: ONCE })
    download.count(0, 40)
    expect(afterCrash((other) => other.find(KEY))).toBeUndefined()
    ledger.checkpoint()
    download.count(40, 50)
    expect(afterCrash((other) => other.find(KEY)?.intervals.edges)).toEqual([0, 40])
    ledger.checkpoint()
    expect(afterCrash((other) => other.find(KEY)?.intervals.edges)).toEqual([0, 50])
  })

  it('what is kept of a changed object is of the new one, whichever connection ends last', () => {
    const old = begin({ uses: ONCE })
    old.count(0, 10)
    const fresh = begin({ uses: ONCE, etag: '"2"' })
    fresh.count(0, 95)
    fresh.leave()
    old.leave()
    expect(ledger.find(KEY)).toMatchObject({ etag: '"2"', used: true })
  })
})

describe('the first address', () => {
  it('stays the first, also after a restart', () => {
    expect(ledger.firstAddress(KEY.link)).toBeUndefined()
    expect(ledger.pin(KEY.link, address('192.0.2.1'), NOW + 60).text).toBe('192.0.2.1')
    expect(ledger.pin(KEY.link, address('2001:db8::1'), NOW + 60).text).toBe('192.0.2.1')
    expect(ledger.pin('other', address('2001:db8::1'), NOW + 60).text).toBe('2001:db8::1')
    expect(afterCrash((other) => other.firstAddress(KEY.link)?.text)).toBe('192.0.2.1')
  })
})

it('pruning forgets what has expired, and nothing else', () => {
  const late = { ...KEY, link: 'late' }
  for (const [key, expires] of [
    [KEY, NOW + 10],
    [late, NOW + 11],
  ] as const) {
    const download = begin({ key, uses: ONCE, expires })
    download.count(0, 90)
    download.leave()
    ledger.pin(key.link, address('192.0.2.1'), expires)
  }
  const known = (link: string): unknown[] => [
    ledger.spent(link),
    ledger.find({ ...KEY, link }) !== undefined,
    ledger.firstAddress(link) !== undefined,
  ]
  ledger.prune(NOW + 9)
  expect(known(KEY.link)).toEqual([1, true, true])
  ledger.prune(NOW + 10)
  expect(known(KEY.link)).toEqual([0, false, false])
  expect(known('late')).toEqual([1, true, true])
})
