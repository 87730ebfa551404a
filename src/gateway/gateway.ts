import { createServer } from 'node:http'
import { join } from 'node:path'
import { createAdminListener } from '../admin/app.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import type { ConfigSources } from '../config/load.ts'
import { DecisionHandler } from '../http/decision/decision-handler.ts'
import { recallFrom } from '../http/recall.ts'
import { LiveLists } from '../lists/live-lists.ts'
import type { LinkDesk } from '../operator/link-desk.ts'
import { AuditLog } from '../record/audit-log.ts'
import { LiveDownloads } from '../record/live-downloads.ts'
import { openOffload } from './offload.ts'
import type { Crew } from '../workers/crew.ts'
import { makeReception, unwrapping } from '../workers/reception.ts'
import { openState } from './open-state.ts'
import { closeAdmin, listen, listenAt, publicUrlOf, urlOf } from './listeners.ts'
import { buildCrew, followerOf, linksOfCrew, viewOfCrew } from './crew-of-gateway.ts'
import { FileKeys } from './file-keys.ts'
import { openMedia } from './media.ts'
import { FileStreamKeys } from './file-stream-keys.ts'
import { copiesInKernel, openPublicSide } from './public-side.ts'
import { ensureKeys } from '../config/generate.ts'
import { tellingFailuresTo } from './internal-failure.ts'
import { openCertificate } from './live-certificate.ts'
import { loadOrThrow, prepareFirstLists } from './load-or-throw.ts'
import { openRecords } from './open-records.ts'
import { openRuntime } from './open-runtime.ts'
import { readiness } from './readiness.ts'
import { thisNode } from './this-node.ts'
import { Reload } from './reload.ts'
import { version } from './version.ts'

export interface GatewayOptions extends ConfigSources {
  readonly clock?: Clock
  /** Processes that share the public port; with one, this process serves it alone. */
  readonly workers?: number
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
  const { clock = systemClock, workers = 1, log } = options
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
    onTaken: (list) => {
      crew?.tellAll('listChanged', list)
    },
  })
  opened.defer(() => {
    lists.close()
  })
  const firstLists = await prepareFirstLists(first, lists)
  const ensured = ensureKeys(config.keys.directory, config.admin.tokens)
  const downloads = new LiveDownloads()
  const node = thisNode(clock.now())
  let crew: Crew | undefined
  // a worker that serves already may hand over a call before all do
  let { publicUrl } = config.server
  const follower = workers > 1 ? followerOf(() => crew) : undefined
  const state = await openState({
    config: config.state,
    clock,
    live: downloads,
    node,
    log,
    follower,
  })
  opened.defer(() => state.close())
  const { catalogue, entries, links, revocations } = state
  const loaded = ensured.created.length === 0 ? first : loadOrThrow(options)
  await firstLists.begin()
  firstLists.use()
  const media =
    config.apis &&
    openMedia({
      config: config.apis,
      state,
      streamKeys: new FileStreamKeys(config.keys.directory, clock, () => reload.run()),
      origin: (name) => live.current.origins.get(name),
      clock,
      log,
    })
  const { live, remoteKeys, settleKeys } = openRuntime(
    {
      first: loaded,
      clock,
      lists,
      warn,
      publicUrl: () => publicUrl,
      catalogue,
      apiParts: media?.apiParts,
      desk: () => desk(),
    },
    opened,
  )
  const certificate = openCertificate(workers > 1 ? undefined : config.server.tls, clock, log)
  opened.defer(() => {
    certificate?.close()
  })

  const figures = {
    openDownloads: () => downloads.count + (crew?.count ?? 0),
    heldLeases: () => links.held + (crew?.heldThere ?? 0),
    workers: () => crew && { serving: crew.serving, lost: crew.lost },
    kernelCopy: () => copiesInKernel(config.server),
    configHash: () => live.current.digest,
    lists: () => lists.states(),
    keySets: () => remoteKeys.states(),
    networkDataBuilt: () => live.current.networks.builtAt(),
    certificateEnd: () => (crew ? crew.certificateEnd : certificate?.current.notAfter),
    stateIsUp: () => state.isUp,
    now: () => clock.now(),
  }
  const recording = openRecords(config.records.access, figures, warn)
  opened.defer(() => recording.close())
  const records = recording.sink
  const onInternalFailure = tellingFailuresTo(log)
  const offload = await openOffload(config.offload, clock, warn, (report) => {
    crew?.tellAll('reported', report)
  })
  opened.defer(() => offload.close())
  const decisions = new DecisionHandler(
    { clock, links, revocations, records, onInternalFailure },
    () => live.current,
  )
  const reception = workers > 1 ? makeReception() : undefined
  opened.defer(() => reception?.remove())
  const publicSide = openPublicSide({
    // workers speak with clients; here they bring what they cannot answer
    config: reception ? { ...config.server, tls: undefined, proxyProtocol: false } : config.server,
    certificate,
    services: {
      handOvers: offload.handOvers,
      clock,
      links,
      revocations,
      live: downloads,
      records,
      onInternalFailure,
    },
    runtime: () => live.current,
    ...(reception && { before: unwrapping }),
  })
  if (reception) {
    crew = buildCrew({
      count: workers,
      sources: options,
      node,
      reception: reception.path,
      links,
      followed: state.followed,
      records,
      digest: () => live.current.digest,
      log,
    })
  }
  const view = crew ? viewOfCrew(state, crew) : state.view
  const desk = (): LinkDesk => {
    const { routes, keys, networks, site } = live.current
    return { clock, publicUrl, site, routes, keys, networks }
  }

  let phase: 'ready' | 'draining' = 'ready'
  const reload = new Reload({
    sources: options,
    lists,
    live,
    crew: () => crew,
    isDraining: () => phase === 'draining',
    onTaken: ({ server }) => {
      if (server.tls) certificate?.use(server.tls)
    },
    log,
  })
  const serveAdmin = createAdminListener({
    clock,
    desk,
    tokens: () => live.loaded.adminTokens,
    recall: recallFrom(links, revocations),
    decisions,
    revocations,
    idempotency: state.idempotency,
    live: view,
    links: crew ? linksOfCrew(links, crew) : links,
    metrics: recording.metrics,
    recent: recording.recent,
    audit: new AuditLog(config.records.audit, () => clock.now()),
    assets: {
      catalogue,
      renditions: media?.renditions,
      origin: (name) => live.current.origins.get(name),
    },
    lists: {
      states: () => lists.states(),
      get: (name) => lists.get(name),
      added: entries,
    },
    apiDocument: (api) => live.current.apis?.document(api, { version, publicUrl }),
    keys: new FileKeys(config.keys.directory, clock, () => live.current.keys, reload.run),
    health: () => readiness(phase, lists.states()),
    version,
    onInternalFailure,
  })
  const adminServer = createServer(serveAdmin)
  opened.defer(() => closeAdmin(adminServer))
  opened.defer(() => media?.stop())
  let drainSeconds = 0
  opened.defer(() =>
    Promise.all([
      publicSide.drain(drainSeconds, () => {
        downloads.end(() => true, 'the time to drain is over')
      }),
      offload.settle(drainSeconds),
    ]).then(() => undefined),
  )
  opened.defer(() => crew?.drain(drainSeconds))

  await settleKeys()
  const { listener } = publicSide
  if (reception) await listenAt(listener, reception.path)
  else await listen(listener, config.server.host, config.server.port)
  publicUrl = crew ? await crew.start() : publicUrlOf(config.server, listener)
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
      recording.reopen()
      return reload.run({ again: true })
    },
    async drain() {
      phase = 'draining'
      drainSeconds = live.current.config.server.drainSeconds
      await opened.disposeAsync()
    },
  }
}
