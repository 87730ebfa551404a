import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const START_TRIES = 300
const START_STEP_MS = 50
const STOP_MS = 5000
/** /proc counts CPU time in these, on every Linux that node runs on. */
const TICKS_PER_SECOND = 100

export interface Command {
  readonly command: string
  readonly args: readonly string[]
  /** Takes standard output and standard error. */
  readonly logFile: string
  readonly cwd?: string
}

const running = new Set<ServerProcess>()

/** A server that the benchmark started, and all that the server started. */
export class ServerProcess {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  readonly #logFile: string
  #hasEnded = false

  constructor({ command, args, logFile, cwd }: Command) {
    this.#logFile = logFile
    const log = openSync(logFile, 'a')
    // thousands of connections need as many descriptors as this user may have
    const shell = ['-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh', command, ...args]
    this.#child = spawn('sh', shell, { stdio: ['ignore', log, log], ...(cwd && { cwd }) })
    closeSync(log)
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        this.#hasEnded = true
        running.delete(this)
        resolve()
      }
      this.#child.once('exit', end)
      this.#child.once('error', end)
    })
    running.add(this)
  }

  /** Waits until it listens. */
  async listening(port: number): Promise<void> {
    for (let i = 0; i < START_TRIES && !this.#hasEnded; i++) {
      if (await accepts(port)) return
      await delay(START_STEP_MS)
    }
    throw new Error(`did not start:\n${tail(this.#logFile)}`)
  }

  /** User and system CPU seconds of the whole tree so far. */
  cpuSeconds(): number {
    if (this.#hasEnded) throw new Error(`ended by itself:\n${tail(this.#logFile)}`)
    let ticks = 0
    for (const pid of this.#tree()) {
      const fields = statOf(pid)
      ticks += Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0)
    }
    return ticks / TICKS_PER_SECOND
  }

  /** Proportional memory of the whole tree in KiB: pages that processes share count once. */
  memoryKib(): number {
    let kib = 0
    for (const pid of this.#tree()) {
      const rollup = read(`/proc/${pid}/smaps_rollup`)
      const found =
        /^Pss:\s+(\d+) kB/m.exec(rollup) ?? /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))
      kib += Number(found?.[1] ?? 0)
    }
    return kib
  }

  async stop(): Promise<void> {
    if (this.#hasEnded) return
    this.#child.kill('SIGTERM')
    await Promise.race([this.#ended, delay(STOP_MS, undefined, { ref: false })])
    this.stopNow()
  }

  /** Without waiting: for the end of the benchmark itself. */
  stopNow(): void {
    if (this.#hasEnded) return
    // parents first: a master would start another worker in place of a killed one
    for (const pid of this.#tree()) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // it was gone already
      }
    }
  }

  #tree(): number[] {
    const { pid } = this.#child
    return pid === undefined || this.#hasEnded ? [] : withDescendants(pid)
  }
}

export function stopAllNow(): void {
  for (const server of running) server.stopNow()
}

/** Parents before their children. */
function withDescendants(root: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const parent = Number.isInteger(pid) ? Number(statOf(pid)?.[1] ?? -1) : -1
    if (parent < 0) continue
    const siblings = children.get(parent)
    if (siblings) siblings.push(pid)
    else children.set(parent, [pid])
  }
  const tree = [root]
  for (const pid of tree) tree.push(...(children.get(pid) ?? []))
  return tree
}

/** The fields of /proc/PID/stat behind the program's name, which may hold spaces: state, ppid, … */
function statOf(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`)
  return text === '' ? undefined : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

function tail(file: string): string {
  return read(file).trimEnd().split('\n').slice(-15).join('\n')
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => {
      resolve(false)
    })
  })
}
