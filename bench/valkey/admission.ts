import { randomUUID } from 'node:crypto'
import { addressFromInteger } from '../../src/base/address.ts'
import { systemClock } from '../../src/base/clock.ts'
import { openMemoryDatabase } from '../../src/state/database.ts'
import { EmbeddedLinkState } from '../../src/state/embedded-link-state.ts'
import type { DownloadUse, LinkQuestion } from '../../src/state/link-state.ts'
import { ValkeyConnection } from '../../src/valkey/connection.ts'
import { ValkeyLinkState } from '../../src/valkey/link-state.ts'
import type { Script } from '../../src/valkey/script.ts'
import { startRedis } from '../../test/support/redis.ts'

/** Admissions that are under way at the same time. */
const AT_ONCE = 64
const SECONDS = 3
const NOW = Math.floor(Date.now() / 1000)
const PIN = addressFromInteger(0xc0000201)

/** A connection that counts what is asked for by the name of the script. */
class CountedConnection extends ValkeyConnection {
  readonly calls = new Map<string, number>()

  override run(...call: Parameters<ValkeyConnection['run']>): Promise<unknown> {
    const [{ name }]: [Script, ...unknown[]] = call
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1)
    return super.run(...call)
  }
}

type Kind = (i: number) => Partial<LinkQuestion> & {
  readonly use?: Partial<DownloadUse>
  readonly link?: string
}

/** What a link asks for, by what the table calls it. */
const KINDS: Record<string, Kind> = {
  'no shared limit': () => ({}),
  'a limit by link': (i) => limits(`link l${i}`),
  'the same link for all': () => ({ ...limits('link hot'), link: 'hot' }),
  'limits by link and subject': (i) => limits(`link l${i}`, `subject s${i % 100}`),
  'limited uses': () => ({ uses: { max: 5, coverage: 0.9 } }),
  'a first address, new': () => ({ wantsFirstAddress: true, use: { pin: PIN } }),
}

function limits(...keys: readonly string[]): Partial<LinkQuestion> {
  return { place: { maxConnections: 16, limits: keys.map((key) => ({ key, max: 1_000_000 })) } }
}

const redis = await startRedis()
const connection = new CountedConnection({ url: redis.url, prefix: 'bench:', holdMs: 1 })
await connection.ready(5000)
const state = new ValkeyLinkState({
  connection,
  clock: systemClock,
  node: randomUUID(),
  local: new EmbeddedLinkState(openMemoryDatabase(), systemClock),
  onUnavailable: 'deny',
  onLost: () => undefined,
})

let next = 0

/** One download from its admission to its end. */
async function admitOne(kind: Kind): Promise<void> {
  const i = next++
  const { use, link = `l${i}`, ...asked } = kind(i)
  const key = { link, object: '/a', client: `c${i}` }
  const question: LinkQuestion = {
    download: key,
    now: NOW,
    place: { maxConnections: 16, limits: [] },
    uses: undefined,
    wantsFirstAddress: false,
    wantsDownload: false,
    sightings: [],
    ...asked,
  }
  const session = await state.open(question)
  const begun = await state.begin(session, {
    key,
    etag: '"1"',
    size: 100,
    now: NOW,
    expires: NOW + 60,
    uses: question.uses,
    mayResume: false,
    pin: undefined,
    sighting: undefined,
    counted: [],
    judge: () => ({ outcome: 'counted' }),
    ...use,
  })
  if (begun.outcome === 'begun') begun.download.leave()
  session.release()
}

/** What the server used so far. */
async function cpuSeconds(): Promise<number> {
  const text = await redis.cli('INFO', 'cpu')
  const of = (field: string): number =>
    Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(text)?.[1])
  return of('used_cpu_user') + of('used_cpu_sys')
}

const rows: Record<string, Record<string, string | number>> = {}
for (const [name, kind] of Object.entries(KINDS)) {
  connection.calls.clear()
  const first = next
  const cpu = await cpuSeconds()
  const until = performance.now() + SECONDS * 1000
  const workers = Array.from({ length: AT_ONCE }, async () => {
    // a turn of the loop each, as for requests that come through sockets
    while (performance.now() < until) {
      await new Promise(setImmediate)
      await admitOne(kind)
    }
  })
  await Promise.all(workers)
  const admissions = next - first
  const per = (script: string): string =>
    ((connection.calls.get(script) ?? 0) / admissions).toFixed(2)
  rows[name] = {
    'admissions a second': Math.round(admissions / SECONDS),
    'state, µs each': ((((await cpuSeconds()) - cpu) * 1e6) / admissions).toFixed(0),
    'waited for': (
      ((connection.calls.get('admit') ?? 0) + (connection.calls.get('claim') ?? 0)) /
      admissions
    ).toFixed(2),
    'given back': per('give-back'),
    saved: per('save'),
  }
}
console.table(rows)
await state.close()
connection.close()
await redis.stop()
process.exit(0)
