/** The thread of `parseInWorker`: parses the list it was given, hands the result over and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { parseList } from './parse-list.ts'
import type { ParseJob } from './parse-in-worker.ts'

const { bytes, format } = workerData as ParseJob
const parsed = parseList(bytes, format)
const { starts, ends, words, prefixes } = parsed.networks
parentPort?.postMessage(
  parsed,
  [starts, ends, ...words, prefixes].map((column) => column.buffer),
)
