import type { PrimaryCalls, WorkerCalls, WorkerStart } from '../../src/workers/calls.ts'
import { type Batch, Channel } from '../../src/workers/channel.ts'
import { SCRIPTS } from './worker-scripts.ts'

const started = Promise.withResolvers<void>()
started.promise.catch(() => undefined)
let digest = ''

async function refuse(script: string, why: string): Promise<void> {
  await started.promise
  if (digest === script) throw new Error(why)
}

const calls = {
  start: async (start: WorkerStart) => {
    digest = start.digest
    if (digest === SCRIPTS.doesNotStart) {
      // not before a reload came
      await prepared.promise
      started.reject(new Error('not these files'))
      throw new Error('not these files')
    }
    started.resolve()
    return 'http://127.0.0.1:1'
  },
  prepare: async () => {
    await started.promise
    return 'new'
  },
  use: () => refuse(SCRIPTS.keepsItsConfiguration, 'the new one cannot be built'),
  revoked: async () => {
    if (digest === SCRIPTS.diesTalking) talkAndDie()
    await refuse(SCRIPTS.refusesRevocations, 'it cannot be kept')
  },
  discard: () => undefined,
  drain: async () => undefined,
}
const prepared = Promise.withResolvers<void>()
setTimeout(prepared.resolve, 1000)

const channel: Channel<WorkerCalls, PrimaryCalls> = new Channel({
  post: (batch) => process.send?.(batch, undefined, {}, () => undefined),
  calls: calls as unknown as WorkerCalls,
  onFailure: () => undefined,
})
process.on('message', (batch: Batch) => {
  channel.receive(batch)
})

/** Fills the pipe to the primary, so that much of it is unread when this process is gone. */
function talkAndDie(): void {
  const message = 'm'.repeat(1000)
  const batch = Array.from({ length: 100 }, () => ({
    kind: 'tell',
    name: 'log',
    value: { level: 'info', message },
  }))
  process.send?.(batch, undefined, {}, () => process.kill(process.pid, 'SIGKILL'))
}
