/**
 * node open-loop.ts PORT FILE RATE SECONDS START: asks for the targets of FILE, from line START on, at a fixed
 * rate, whether or not earlier answers came. A request's latency counts from the moment at which it was due, so
 * a server that stands still is charged for every request that had to wait, also for those that waited here for
 * one of the kept connections. Prints a LoadFigures as JSON.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const CRLF2 = '\r\n\r\n'
const CONNECTIONS = 64
/** Answers that are still out when the last request is sent may take this long. */
const LAST_ANSWERS_MS = 10_000

interface Ticks {
  readonly perSecond: number
  readonly seconds: number
}

/** Sleeps in a thread of its own: timers of the event loop are no finer than a millisecond. */
function tick({ perSecond, seconds }: Ticks): void {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const start = performance.now()
  const end = start + seconds * 1000
  for (let due = start; due < end; due += 1000 / perSecond) {
    const wait = due - performance.now()
    if (wait > 0) Atomics.wait(cell, 0, 0, wait)
    // both threads read the same monotonic clock, each from its own zero
    parentPort?.postMessage(performance.timeOrigin + due, [])
  }
}

async function run(): Promise<void> {
  const [port, file, rate, seconds, start] = process.argv.slice(2)
  const targets = readFileSync(file ?? '', 'utf8')
    .trimEnd()
    .split('\n')
  const total = Math.round(Number(rate) * Number(seconds))
  const latencies: number[] = []
  const waiting: number[] = []
  let at = Number(start)
  const ask = (exchange: Exchange, due: number): void => {
    exchange.ask(targets[at++ % targets.length] ?? '', due)
  }
  const finished = (exchange: Exchange, latency: number): void => {
    latencies.push(latency)
    if (latencies.length === total) report(latencies)
    const due = waiting.shift()
    if (due === undefined) idle.push(exchange)
    else ask(exchange, due)
  }
  const idle = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true })
      await once(socket, 'connect')
      return new Exchange(socket, finished)
    }),
  )
  const worker = new Worker(import.meta.filename, {
    workerData: { perSecond: Number(rate), seconds: Number(seconds) } satisfies Ticks,
  })
  worker.on('message', (instant: number) => {
    const due = instant - performance.timeOrigin
    const exchange = idle.pop()
    if (exchange) ask(exchange, due)
    else waiting.push(due)
  })
  worker.once('exit', () => {
    setTimeout(() => {
      fail(`${total - latencies.length} of ${total} answers are missing`)
    }, LAST_ANSWERS_MS)
  })
}

/** A kept connection with at most one request on it. */
class Exchange {
  readonly #socket: Socket
  readonly #finished: (exchange: Exchange, latency: number) => void
  #due = 0
  #head = ''
  /** Of the body; undefined as long as the head is not complete. */
  #left: number | undefined

  constructor(socket: Socket, finished: (exchange: Exchange, latency: number) => void) {
    this.#socket = socket
    this.#finished = finished
    socket.on('data', (chunk) => {
      this.#read(chunk)
    })
    socket.once('error', (error) => fail(error.message))
    socket.once('close', () => fail('a connection was closed'))
  }

  ask(target: string, due: number): void {
    this.#due = due
    this.#socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1${CRLF2}`)
  }

  #read(chunk: Buffer): void {
    if (this.#left === undefined) {
      this.#head += chunk.toString('latin1')
      const end = this.#head.indexOf(CRLF2)
      if (end < 0) return
      if (!this.#head.startsWith('HTTP/1.1 200')) fail(this.#head.slice(0, 40))
      const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(this.#head)?.[1]
      if (length === undefined) fail('an answer without Content-Length')
      this.#left = Number(length) - (this.#head.length - end - CRLF2.length)
    } else {
      this.#left -= chunk.length
    }
    if (this.#left > 0) return
    if (this.#left < 0) fail('an answer is longer than it said')
    this.#head = ''
    this.#left = undefined
    this.#finished(this, performance.now() - this.#due)
  }
}

function report(latencies: readonly number[]): never {
  const sorted = latencies.toSorted((x, y) => x - y)
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? NaN
  process.stdout.write(JSON.stringify({ p50: at(0.5), p99: at(0.99), max: at(1) }))
  process.exit(0)
}

function fail(why: string): never {
  process.stderr.write(`${why}\n`)
  process.exit(1)
}

if (isMainThread) await run()
else tick(workerData as Ticks)
