import { messageOf } from '../base/failure.ts'
import type { PrimaryCalls, WorkerCalls } from '../workers/calls.ts'
import { type Batch, Channel } from '../workers/channel.ts'
import { startWorker, type WorkerGateway } from './worker.ts'

/** Calls that came while the worker starts wait for it. */
const started = Promise.withResolvers<WorkerGateway>()
// the primary hears of a failure as the answer to its call
started.promise.catch(() => undefined)

const channel: Channel<WorkerCalls, PrimaryCalls> = new Channel({
  post: (batch) => {
    // without a primary this process ends
    process.send?.(batch, undefined, {}, () => undefined)
  },
  calls: {
    async start(start) {
      try {
        const worker = await startWorker(start, channel)
        started.resolve(worker)
        return worker.publicUrl
      } catch (error) {
        started.reject(error)
        throw error
      }
    },
    revoked: async (revocation) => (await started.promise).revoked(revocation),
    unrevoked: async (id) => (await started.promise).unrevoked(id),
    listed: async (entry) => (await started.promise).listed(entry),
    unlisted: async (entry) => (await started.promise).unlisted(entry),
    share: async (share) => (await started.promise).share(share),
    downloads: async () => (await started.promise).downloads(undefined),
    endDownload: async (argument) => (await started.promise).endDownload(argument),
    endRevoked: async (revocation) => (await started.promise).endRevoked(revocation),
    prepare: async (how) => (await started.promise).prepare(how),
    use: async (argument) => (await started.promise).use(argument),
    discard: async () => (await started.promise).discard(undefined),
    listChanged: async (name) => (await started.promise).listChanged(name),
    reported: async (report) => (await started.promise).reported(report),
    drain: async (argument) => (await started.promise).drain(argument),
  },
  onFailure: (error) => {
    channel.tell('log', { level: 'error', message: `a worker: ${messageOf(error.cause ?? error)}` })
  },
})

process.on('message', (batch: Batch) => {
  channel.receive(batch)
})
// signals of a terminal or a service manager go to all processes; the primary says what they mean here
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
