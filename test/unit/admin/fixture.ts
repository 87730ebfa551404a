import { recallFrom } from '../../../src/http/recall.ts'
import { EmbeddedLinkState } from '../../../src/state/embedded-link-state.ts'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { createAdminListener } from '../../../src/admin/app.ts'
import type { AdminServices } from '../../../src/admin/services.ts'
import { type Address, parseNetwork } from '../../../src/base/address.ts'
import { sha256 } from '../../../src/base/bytes.ts'
import { NetworkSet } from '../../../src/base/network-set.ts'
import { SqliteCatalogue } from '../../../src/catalogue/sqlite-catalogue.ts'
import type { AdminToken } from '../../../src/config/keys.ts'
import { policySchema } from '../../../src/config/policy-schema.ts'
import { compilePolicy } from '../../../src/policy/compile-policy.ts'
import { NO_SOURCES } from '../../../src/policy/policy.ts'
import { KNOWS_NOTHING } from '../../../src/geo/network-lookup.ts'
import { DecisionHandler } from '../../../src/http/decision/decision-handler.ts'
import type { Entrance } from '../../../src/http/receive.ts'
import { RouteTable } from '../../../src/http/route.ts'
import type { KeyRing } from '../../../src/link/key-ring.ts'
import { SluiceHmac } from '../../../src/link/schemes/sluice-hmac.ts'
import { SluiceJwt } from '../../../src/link/schemes/sluice-jwt.ts'
import { LinkVerifier } from '../../../src/link/verify-link.ts'
import type { LinkDesk } from '../../../src/operator/link-desk.ts'
import type { AccessRecord, EndedBy } from '../../../src/record/access-record.ts'
import { AuditLog, checkAudit } from '../../../src/record/audit-log.ts'
import { RecentRecords } from '../../../src/record/recent-records.ts'
import {
  type LiveConnection,
  LiveDownloads,
  type LiveDownloadFacts,
} from '../../../src/record/live-downloads.ts'
import { Metrics } from '../../../src/record/metrics.ts'
import { openMemoryDatabase } from '../../../src/state/database.ts'
import { EntrySets } from '../../../src/lists/entry-set.ts'
import { LocalLiveView } from '../../../src/state/live-view.ts'
import { ListEntries } from '../../../src/state/list-entries.ts'
import { RevocationList } from '../../../src/state/revocations.ts'
import { SqliteIdempotency } from '../../../src/state/sqlite-idempotency.ts'
import { Tagger } from '../../../src/tag/tagger.ts'
import { SqliteRevocations } from '../../../src/state/sqlite-revocations.ts'
import { accessRecord } from '../../support/access-record.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { MemoryOrigin } from '../../support/memory-origin.ts'
import {
  type CallOptions,
  expectDocumented,
  expectGuarded,
  type Reply,
  send,
} from './admin-client.ts'
import { FakeKeys, newSecret } from './fake-keys.ts'
import { FakeRenditions } from './fake-renditions.ts'

export const NOW = 1_800_000_000
/** The only node. */
export const NODE = { id: 'node-1', host: 'here', version: '9.9.9', startedAt: NOW * 1000 }
export const SCOPES = ['links', 'revoke', 'read', 'assets', 'keys', 'lists'] as const
export type TokenName = (typeof SCOPES)[number] | 'all'

/** The admin API over real parts, on a loopback port, at a time that stands still. */
export interface AdminFixture {
  readonly services: AdminServices
  readonly clock: FakeClock
  readonly keys: FakeKeys
  /** The only origin, and the desk of what is made of its objects. */
  readonly library: MemoryOrigin
  readonly renditions: FakeRenditions
  readonly failures: { readonly error: Error; readonly requestId: string }[]
  readonly port: number
  /** The Authorization field of a token. */
  authorization(name: TokenName): string
  ready: { ready: boolean; reason?: string }
  call(method: string, path: string, options?: CallOptions): Promise<Reply>
  audited(): Record<string, unknown>[]
  breakAudit(): void
  /** Puts a download among those that run; returns who ended its connections. */
  run(facts: Partial<LiveDownloadFacts>, connections?: number): EndedBy[]
  record(record: Partial<AccessRecord>): void
  close(): Promise<void>
}

export async function startAdmin(): Promise<AdminFixture> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-admin-'))
  const clock = new FakeClock(NOW)
  const texts = new Map([...SCOPES, 'all' as const].map((name) => [name, newSecret()]))
  const tokens = [...texts].map(([name, text]): AdminToken => {
    return {
      id: `token-${name}`,
      sha256: sha256(text).toString('hex'),
      scopes: [name === 'all' ? '*' : name],
    }
  })
  const keys = new FakeKeys(clock)
  const auditFile = join(directory, 'audit.jsonl')
  const library = new MemoryOrigin()
  const renditions = new FakeRenditions()
  const live = new LiveDownloads()
  const services = buildServices(live, clock, keys, tokens, auditFile, library, renditions)
  const failures: AdminFixture['failures'] = []
  const state: { ready: AdminFixture['ready'] } = { ready: { ready: true } }
  let auditBroken = false
  const append = services.audit.append.bind(services.audit)
  services.audit.append = (entry) => {
    if (auditBroken) throw new Error(`ENOSPC: no space left on device, ${auditFile}`)
    append(entry)
  }
  const handle = createAdminListener({
    ...services,
    health: () => state.ready,
    onInternalFailure: (error, requestId) => failures.push({ error, requestId }),
  })
  const server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const secrets = [...texts.values(), ...keys.secrets]
  return {
    services,
    clock,
    keys,
    library,
    renditions,
    failures,
    port,
    authorization: (name) => `Bearer ${texts.get(name)}`,
    get ready() {
      return state.ready
    },
    set ready(health) {
      state.ready = health
    },
    async call(method, path, options = {}) {
      const { as = 'all' } = options
      const authorization =
        typeof as === 'object' ? as.authorization : as === 'nobody' ? '' : `Bearer ${texts.get(as)}`
      const reply = await send(port, method, path, authorization, options)
      expectGuarded(reply, secrets)
      expectDocumented(method, path, reply)
      return reply
    },
    audited() {
      const { problems } = checkAudit(auditFile)
      expect(problems).toEqual([])
      const text = readFileSync(auditFile, 'utf8')
      expect(text).not.toMatch(/Signature=|token=/)
      return text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    },
    breakAudit() {
      auditBroken = true
    },
    run: (facts, connections = 1) => joinDownload(live, clock, facts, connections),
    record(record) {
      const time = new Date(clock.now()).toISOString()
      const whole = accessRecord({ ...RECORDED, time, ...record })
      services.recent.write(JSON.stringify(whole))
      services.metrics.write(whole)
    },
    async close() {
      await new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      })
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** The parts of the records that the tests of the admin API write. */
const RECORDED: Partial<AccessRecord> = {
  kid: 'hmac-1',
  link_id: 'L1',
  client: '203.0.113.7',
  path: '/files/a.mp4',
  bytes: 0,
  coverage: null,
}

function buildServices(
  live: LiveDownloads,
  clock: FakeClock,
  keys: FakeKeys,
  tokens: readonly AdminToken[],
  auditFile: string,
  library: MemoryOrigin,
  renditions: FakeRenditions,
): AdminServices {
  const database = openMemoryDatabase()
  const links = new EmbeddedLinkState(database, clock)
  const revocations = new RevocationList(new SqliteRevocations(database))
  const assets: AdminServices['assets'] = {
    catalogue: new SqliteCatalogue(database),
    renditions,
    origin: (name) => (name === 'library' ? library : undefined),
  }
  const desk = (): LinkDesk => ({
    clock,
    keys: keys.ring,
    networks: KNOWS_NOTHING,
    publicUrl: 'https://dl.example',
    site: { scheme: 'https', host: 'dl.example' },
    routes: routesOver(keys.ring),
  })
  const entrance = (): Entrance => ({
    ...desk(),
    trustedProxies: new NetworkSet([]),
    jwks: '',
    tagger: new Tagger(keys.ring),
    redirectSeconds: 60,
    isOffloadReported: false,
    apis: undefined,
  })
  const records = { write: () => undefined }
  const onInternalFailure = (): void => undefined
  return {
    clock,
    desk,
    tokens: () => tokens,
    recall: recallFrom(links, revocations),
    decisions: new DecisionHandler(
      { clock, links, revocations, records, onInternalFailure },
      entrance,
    ),
    revocations,
    idempotency: new SqliteIdempotency(database),
    live: new LocalLiveView(live, NODE),
    links,
    metrics: new Metrics({
      openDownloads: () => live.count,
      heldLeases: () => links.held,
      configHash: () => 'abc',
      lists: () => [],
      keySets: () => [],
      networkDataBuilt: () => [],
      certificateEnd: () => undefined,
      stateIsUp: () => true,
      workers: () => undefined,
      now: () => 0,
    }),
    recent: new RecentRecords(100),
    audit: new AuditLog(auditFile, () => clock.now()),
    keys,
    assets,
    lists: listsOf(new EntrySets(new ListEntries(database), clock)),
    apiDocument: (api) => (api === 'elytron' ? { openapi: '3.1.0' } : undefined),
    health: () => ({ ready: true }),
    version: '9.9.9',
    onInternalFailure,
  }
}

/** The list `pirates`, whose source holds 198.51.100.0/24. */
function listsOf(added: EntrySets): AdminServices['lists'] {
  const source = new NetworkSet([parseNetwork('198.51.100.0/24')!])
  const has = (address: Address): boolean => source.has(address) || added.of('pirates').has(address)
  return {
    states: () => [
      {
        name: 'pirates',
        format: 'netset',
        anonymizer: null,
        source: 'file',
        entries: 1,
        refreshed_at: NOW * 1000 + 999,
        error: null,
        has_data: true,
      },
    ],
    get: (name) => (name === 'pirates' ? { has } : undefined),
    added,
  }
}

function routesOver(keys: KeyRing): RouteTable {
  const policy = (name: string, config: object): ReturnType<typeof compilePolicy> =>
    compilePolicy(name, policySchema.parse(config), NO_SOURCES)
  const origin = new MemoryOrigin()
  const schemes = [
    new SluiceHmac({ isIgnored: () => false }),
    new SluiceJwt({ issuer: undefined, audience: undefined }),
  ]
  const verifier = new LinkVerifier(schemes, keys)
  const strict = policy('strict', { lifetime: { maxSeconds: 600, defaultSeconds: 60 } })
  return new RouteTable([
    { path: '/files/', originName: 'library', origin, verifier, policy: policy('default', {}) },
    { path: '/strict/', originName: 'library', origin, verifier, policy: strict },
  ])
}

function joinDownload(
  live: LiveDownloads,
  clock: FakeClock,
  facts: Partial<LiveDownloadFacts>,
  connections: number,
): EndedBy[] {
  const endings: EndedBy[] = []
  const whole: LiveDownloadFacts = {
    key: randomBytes(6).toString('hex'),
    linkId: 'L1',
    kid: 'hmac-1',
    scheme: 'sluice-hmac',
    subject: undefined,
    tag: undefined,
    issuedAt: NOW - 100,
    path: '/files/a.mp4',
    client: '203.0.113.7',
    size: 1000,
    ...facts,
  }
  for (let i = 0; i < connections; i++) {
    const connection: LiveConnection = {
      bytes: 100,
      end(by) {
        endings.push(by)
        leave()
      },
    }
    const leave = live.join(whole, connection, clock.now(), () => 0.123456)
  }
  return endings
}
