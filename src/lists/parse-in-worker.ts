import { Worker } from 'node:worker_threads'
import { GatewayError } from '../base/failure.ts'
import type { ListFormatName } from './formats/registry.ts'
import type { ParsedList } from './list-draft.ts'
import { parseList } from './parse-list.ts'

/** What the thread is given. */
export interface ParseJob {
  readonly bytes: Uint8Array
  readonly format: ListFormatName
}

/** A list below this size is parsed sooner than a thread starts: about 20 ms. */
const WORTH_A_WORKER = 256 * 1024

/** The thread's module stands beside this one, in the sources and in what is built of them. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? './parse-worker.ts' : './parse-worker.js',
  import.meta.url,
)

/** `parseList` in a thread of its own: a large list does not hold up the requests of this one. */
export function parseInWorker(bytes: Uint8Array, format: ListFormatName): Promise<ParsedList> {
  if (bytes.length < WORTH_A_WORKER) return Promise.resolve(parseList(bytes, format))
  return runParser({ bytes, format })
}

/** Runs the thread, whatever the size. */
export function runParser({ bytes, format }: ParseJob, module = WORKER): Promise<ParsedList> {
  const copy = new Uint8Array(bytes)
  return new Promise((resolve, reject) => {
    const job: ParseJob = { bytes: copy, format }
    const worker = new Worker(module, { workerData: job, transferList: [copy.buffer] })
    worker.once('message', resolve)
    worker.once('error', (cause) => {
      reject(new GatewayError('ERR_INTERNAL', 'the list parser failed', { cause }))
    })
    worker.once('exit', (code) => {
      // settled already unless the thread ended without a word
      reject(new GatewayError('ERR_INTERNAL', `the list parser ended with ${code}`))
    })
  })
}
