import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { systemClock } from '../base/clock.ts'
import { messageOf } from '../base/failure.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { RequestMessage } from '../http/message.ts'
import { LiveLists } from '../lists/live-lists.ts'
import { LiveDownloads } from '../record/live-downloads.ts'
import { runningDownload } from '../state/live-view.ts'
import { revokes } from '../state/revocation-index.ts'
import { cutTarget } from '../request/request-target.ts'
import type { PrimaryCalls, WorkerCalls, WorkerFigures, WorkerStart } from '../workers/calls.ts'
import type { Channel } from '../workers/channel.ts'
import { Reception } from '../workers/reception.ts'
import { RecordBatches } from '../workers/record-batches.ts'
import { listen, publicUrlOf } from './listeners.ts'
import {
  type LoadedWithLists,
  loadOrThrow,
  loadWithLists,
  prepareFirstLists,
} from './load-or-throw.ts'
import { tellingFailuresTo } from './internal-failure.ts'
import { openCertificate } from './live-certificate.ts'
import { openOffload } from './offload.ts'
import { openPublicSide } from './public-side.ts'
import { Repeats } from './repeats.ts'
import { openRuntime } from './open-runtime.ts'
import type { Runtime } from './runtime.ts'
import { openWorkerState } from './worker-state.ts'

/** How often the primary hears what must outlive this process. */
const REPORT_MS = 1000
const FIGURES_MS = 100

/** What the primary asks of a worker that serves. */
export interface WorkerGateway extends Omit<WorkerCalls, 'start'> {
  readonly publicUrl: string
}

/** Starts a process that serves downloads beside others. What it counts, its primary counts. */
export async function startWorker(
  start: WorkerStart,
  channel: Channel<WorkerCalls, PrimaryCalls>,
): Promise<WorkerGateway> {
  await using opened = new AsyncDisposableStack()
  const clock = systemClock
  const log = (level: 'info' | 'warn' | 'error', message: string): void => {
    channel.tell('log', { level, message })
  }
  const warn = (message: string): void => {
    log('warn', message)
  }
  const loaded = loadOrThrow(start.sources)
  const { config } = loaded
  if (loaded.digest !== start.digest) {
    throw new Error('the files are not those of the configuration in force; SIGHUP loads them')
  }
  const downloads = new LiveDownloads()
  const state = await openWorkerState({
    start,
    config: config.state,
    channel,
    clock,
    live: downloads,
    log,
  })
  opened.defer(() => state.close())
  const { links, revocations, catalogue } = state
  const lists = new LiveLists({
    clock,
    // the primary reads the same files, and says what is wrong with them
    warn: () => undefined,
    directory: join(config.state.directory, 'lists'),
    entriesOf: (list) => state.entries.of(list),
    readsCopies: true,
  })
  opened.defer(() => {
    lists.close()
  })
  const firstLists = await prepareFirstLists(loaded, lists)
  await firstLists.begin()
  firstLists.use()
  const { live, settleKeys } = openRuntime(
    { first: loaded, clock, lists, warn, publicUrl: () => publicUrl, catalogue },
    opened,
  )
  // all workers read the same files: one tells of them
  const isFirst = start.slot === 1
  const certificate = openCertificate(config.server.tls, clock, isFirst ? log : () => undefined)
  opened.defer(() => {
    certificate?.close()
  })
  const records = new RecordBatches(
    (batch) => {
      channel.tell('records', batch)
    },
    () => state.takeLastLeft(),
  )
  const offload = await openOffload({ ...config.offload, log: undefined }, clock, warn)
  opened.defer(() => offload.close())
  const reception = new Reception(start.reception)
  opened.defer(() => {
    reception.close()
  })
  const publicSide = openPublicSide({
    config: config.server,
    certificate,
    services: {
      clock,
      links,
      revocations,
      live: downloads,
      records,
      handOvers: offload.handOvers,
      onInternalFailure: tellingFailuresTo(log),
    },
    runtime: () => live.current,
    before: (handle) => (request, response) => {
      if (isForPrimary(request, live.current)) reception.handOver(request, response)
      else handle(request, response)
    },
  })
  const repeats = new Repeats((error) => {
    log('error', messageOf(error))
  })
  opened.defer(() => {
    repeats.stop()
  })
  repeats.each(REPORT_MS, () => {
    state.report()
  })
  let told: WorkerFigures | undefined
  const tellFigures = (): void => {
    const figures: WorkerFigures = {
      openDownloads: downloads.count,
      heldHere: state.heldHere,
      certificateEnd: certificate?.current.notAfter,
    }
    if (!isDeepStrictEqual(figures, told)) channel.tell('figures', (told = figures))
  }
  repeats.each(FIGURES_MS, tellFigures)

  await settleKeys()
  await listen(publicSide.listener, config.server.host, config.server.port)
  const publicUrl = publicUrlOf(config.server, publicSide.listener)
  await state.keep()
  const closing = opened.move()
  let next: LoadedWithLists | undefined
  return {
    publicUrl,
    ...state.calls,
    downloads: () =>
      downloads.list().map((download) => ({
        ...runningDownload(download, start.node.id),
        key: download.facts.key,
      })),
    endDownload: ({ key, detail }) => downloads.end(({ facts }) => facts.key === key, detail),
    endRevoked: (revocation) => {
      const keys: string[] = []
      downloads.end(({ facts }) => {
        const isRevoked = revokes(revocation, facts, facts.path)
        if (isRevoked) keys.push(facts.key)
        return isRevoked
      }, `revocation ${revocation.id}`)
      return keys
    },
    async prepare({ again }) {
      next?.prepared.discard()
      next = await loadWithLists(start.sources, lists, { again })
      return next.loaded.digest
    },
    use({ digest }) {
      const prepared = next
      next = undefined
      if (prepared?.loaded.digest === digest) {
        const { server } = live.take(prepared).config
        if (server.tls) certificate?.use(server.tls)
        return
      }
      prepared?.prepared.discard()
      if (live.current.digest !== digest) throw new Error('another configuration was loaded')
    },
    discard() {
      next?.prepared.discard()
      next = undefined
    },
    listChanged: (name) => {
      lists.refresh(name)
    },
    reported: (report) => {
      void offload.handOvers.end(report.ticket, report)
    },
    async drain({ seconds }) {
      await Promise.all([
        publicSide.drain(seconds, () => {
          downloads.end(() => true, 'the time to drain is over')
        }),
        offload.settle(seconds),
      ])
      state.report()
      records.flush()
      tellFigures()
      await closing.disposeAsync()
    },
  }
}

/**
 * Whether a request may be a call of a published API, which the primary answers: it is of no route of
 * its own, or of the route of the catalogue with the token of an API's client.
 */
function isForPrimary({ url, rawHeaders }: RequestMessage, { config, routes }: Runtime): boolean {
  const { apis }: GatewayConfig = config
  const target = apis && cutTarget(url ?? '')
  if (!apis || !target) return false
  const { route } = routes.locate(target)
  if (!route || route.path === '/') return true
  return route.path === apis.path && rawHeaders.some((name) => /^authorization$/i.test(name))
}
