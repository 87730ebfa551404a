import { createServer } from 'node:http'
import { join } from 'node:path'
import { createAdminApp } from '../admin/app.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { messageOf } from '../base/failure.ts'
import { Turns } from '../base/turns.ts'
import type { ConfigSources } from '../config/load.ts'
import { DownloadHandler } from '../http/download-handler.ts'
import { recallFrom } from '../http/recall.ts'
import { recordOfRefusedBytes } from '../http/refused-bytes.ts'
import type { RecordSink } from '../record/access-record.ts'
import { createPublicServer } from '../http/http-server.ts'
import { RemoteKeys } from '../jwks/remote-keys.ts'
import { LiveLists } from '../lists/live-lists.ts'
import type { LinkDesk } from '../operator/link-desk.ts'
import { AuditLog } from '../record/audit-log.ts'
import { openAccessLog, RecentRecords } from '../record/access-log.ts'
import { LiveDownloads } from '../record/live-downloads.ts'
import { Metrics } from '../record/metrics.ts'
import { openState } from './open-state.ts'
import { fixedAtStart } from './fixed-settings.ts'
import { closeAdmin, listen, publicUrlOf, urlOf } from './listeners.ts'
import { FileKeys } from './file-keys.ts'
import type { ApiParts } from './apis.ts'
import { buildMedia } from './media.ts'
import { FileStreamKeys } from './file-stream-keys.ts'
import { ensureKeys } from '../config/generate.ts'
import { loadOrThrow, loadWithLists, prepareFirstLists } from './load-or-throw.ts'
import { readiness } from './readiness.ts'
import { thisNode } from './this-node.ts'
import { buildRuntime, type Runtime } from './runtime.ts'
import { version } from './version.ts'

const RECENT_RECORDS = 10_000
/** How long a start waits for keys that are published elsewhere. */
const REMOTE_KEYS_PATIENCE_MS = 3000

export interface GatewayOptions extends ConfigSources {
  readonly clock?: Clock
  /** Messages for operators, on standard error: never an access record. */
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void
}

/** A running gateway. */
export interface Gateway {
  /** What clients and operators call; ports that were 0 are filled in. */
  readonly publicUrl: string
  readonly adminUrl: string
  /** Files that the first start made. */
  readonly createdFiles: readonly string[]
  readonly adminTokenFile: string
  readonly desk: LinkDesk
  /** Loads all files again. With any problem in them the running configuration stays, and the problems are logged. */
  reload(): Promise<boolean>
  /** Not ready, accept nothing, let downloads end, close. */
  drain(): Promise<void>
}

/** Starts a gateway. A start that fails leaves nothing behind that would keep the process alive. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const opened = new AsyncDisposableStack()
  try {
    return await openGateway(options, opened)
  } catch (error) {
    await opened.disposeAsync()
    throw error
  }
}

/** The one place that knows every part. What it opens is closed in the opposite order, by `opened`. */
async function openGateway(
  options: GatewayOptions,
  opened: AsyncDisposableStack,
): Promise<Gateway> {
  const { clock = systemClock, log } = options
  const warn = (message: string): void => {
    log('warn', message)
  }
  const first = loadOrThrow(options)
  const { config } = first
  const lists = new LiveLists({
    clock,
    warn,
    directory: join(config.state.directory, 'lists'),
    entriesOf: (list) => entries.of(list),
  })
  opened.defer(() => {
    lists.close()
  })
  const firstLists = await prepareFirstLists(first, lists)
  const ensured = ensureKeys(config.keys.directory, config.admin.tokens)
  const live = new LiveDownloads()
  const node = thisNode(clock.now())
  const state = await openState({ config: config.state, clock, live, node, log })
  opened.defer(() => state.close())
  const { catalogue, entries, links, revocations } = state
  let loaded = ensured.created.length === 0 ? first : loadOrThrow(options)
  await firstLists.begin()
  firstLists.use()
  const media =
    config.apis &&
    buildMedia({
      config: config.apis,
      catalogue,
      store: state.tasks,
      coordination: state.coordination,
      origin: (name) => runtime.origins.get(name),
      clock,
      log,
    })
  const apiParts: ApiParts | undefined = media &&
    config.apis && {
      config: config.apis,
      clock,
      catalogue,
      renditions: media.renditions,
      tasks: media.tasks,
      streamKeys: new FileStreamKeys(config.keys.directory, clock, () => reload()),
      firstCalls: state.firstCalls,
    }
  const remoteKeys = new RemoteKeys(clock, warn)
  opened.defer(() => {
    remoteKeys.close()
  })
  const build = (from: typeof loaded): Runtime =>
    buildRuntime(from, {
      warn,
      listed: (list) => lists.get(list),
      publicUrl: () => publicUrl,
      keySource: remoteKeys,
      catalogue,
      apiParts,
      desk: () => desk(),
    })
  let runtime: Runtime = build(loaded)
  opened.defer(() => {
    runtime.close()
  })
  const useRemoteKeys = (): void => {
    remoteKeys.use(
      runtime.config.keys.jwks,
      loaded.keys.map(({ kid }) => kid),
    )
  }
  useRemoteKeys()

  const accessLog = openAccessLog(config.records.access, (error) => {
    warn(`access records cannot be written: ${error.message}`)
  })
  opened.defer(() => accessLog.close())
  const recent = new RecentRecords(RECENT_RECORDS)
  const metrics = new Metrics({
    openDownloads: () => live.count,
    heldLeases: () => links.held,
    configHash: () => runtime.digest,
    lists: () => lists.states(),
    keySets: () => remoteKeys.states(),
    networkDataBuilt: () => runtime.networks.builtAt(),
    stateIsUp: () => state.isUp,
    now: () => clock.now(),
  })
  const onInternalFailure = (error: Error, requestId: string): void => {
    log(
      'error',
      `request ${requestId}: ${error.cause instanceof Error ? error.cause.stack : messageOf(error)}`,
    )
  }

  const records: RecordSink = {
    write(record) {
      accessLog.write(record)
      recent.write(record)
      metrics.write(record)
    },
  }
  const handler = new DownloadHandler(
    {
      clock,
      links,
      revocations,
      live,
      records,
      onInternalFailure,
    },
    () => runtime,
  )
  const publicServer = createPublicServer({
    handle: (request, response) => {
      handler.handle(request, response)
    },
    proxyProtocol: config.server.proxyProtocol,
    trustedProxies: () => runtime.trustedProxies,
    onProtocolError: (refused) => {
      records.write(recordOfRefusedBytes(refused, clock.now()))
    },
  })
  const desk = (): LinkDesk => {
    const { routes, keys, networks, site } = runtime
    return { clock, publicUrl, site, routes, keys, networks }
  }

  let phase: 'ready' | 'draining' = 'ready'
  const reloads = new Turns()
  const reload = (how = { again: false }): Promise<boolean> =>
    reloads.take(async () => {
      try {
        const next = await loadWithLists(options, lists, how)
        if (phase === 'draining') {
          next.prepared.discard()
          return false
        }
        const built = build(next.loaded)
        next.prepared.use()
        runtime.close()
        loaded = next.loaded
        runtime = built
        useRemoteKeys()
        for (const key of fixedAtStart(config, built.config)) {
          warn(`${key} was changed; it takes a restart`)
        }
        log('info', `configuration ${built.digest} is in force`)
        return true
      } catch (error) {
        log('error', `the running configuration stays:\n${messageOf(error)}`)
        return false
      }
    })
  const admin = createAdminApp({
    clock,
    desk,
    tokens: () => loaded.adminTokens,
    recall: recallFrom(links, revocations),
    revocations,
    idempotency: state.idempotency,
    live: state.view,
    links,
    metrics,
    recent,
    audit: new AuditLog(config.records.audit, () => clock.now()),
    assets: {
      catalogue,
      renditions: media?.renditions,
      origin: (name) => runtime.origins.get(name),
    },
    lists: {
      states: () => lists.states(),
      get: (name) => lists.get(name),
      added: entries,
    },
    apiDocument: (api) => runtime.apis?.document(api, { version, publicUrl }),
    keys: new FileKeys(config.keys.directory, clock, () => runtime.keys, reload),
    health: () => readiness(phase, lists.states()),
    version,
    onInternalFailure,
  })
  const serveAdmin = admin.callback()
  const adminServer = createServer((request, response) => {
    void serveAdmin(request, response)
  })
  opened.defer(() => closeAdmin(adminServer))
  opened.defer(() => media?.stop())
  let drainSeconds = 0
  opened.defer(() =>
    publicServer.drain(drainSeconds, () => {
      live.end(() => true, 'the time to drain is over')
    }),
  )

  await remoteKeys.settle(REMOTE_KEYS_PATIENCE_MS)
  await listen(publicServer.listener, config.server.host, config.server.port)
  const publicUrl = publicUrlOf(config.server, publicServer.listener)
  await listen(adminServer, config.admin.host, config.admin.port)
  await state.keep()
  media?.resume()

  return {
    publicUrl,
    adminUrl: urlOf(config.admin.host, adminServer),
    createdFiles: ensured.created,
    adminTokenFile: ensured.adminTokenFile,
    get desk() {
      return desk()
    },
    reload: () => {
      accessLog.reopen()
      return reload({ again: true })
    },
    async drain() {
      phase = 'draining'
      drainSeconds = runtime.config.server.drainSeconds
      await opened.disposeAsync()
    },
  }
}
