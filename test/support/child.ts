import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { onTestFinished } from 'vitest'

const DEADLINE_MS = 30_000
/** Less than a test may take, so that the test ends by its assertion and leaves nothing running. */
const RUN_MS = 120_000
const KILL_AFTER_MS = 8000

/** How a program ended and what it wrote. */
export interface Ended {
  /** The exit status; null where a signal ended it. */
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface ChildOptions {
  readonly cwd?: string | undefined
  readonly env?: NodeJS.ProcessEnv | undefined
  readonly input?: string | Buffer | undefined
}

/** A started program. It is ended by its own pid and by nothing else. */
export class Child {
  readonly #process: ChildProcessByStdio<Writable | null, Readable, Readable>
  readonly ended: Promise<Ended>
  #isOver = false
  #stdout = ''
  #stderr = ''
  readonly #name: string

  constructor(file: string, args: readonly string[], options: ChildOptions = {}) {
    this.#name = [file, ...args].join(' ')
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    }) as ChildProcessByStdio<Writable | null, Readable, Readable>
    this.#process = child
    child.stdin?.on('error', () => undefined).end(options.input)
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (status) => {
        this.#isOver = true
        resolve({ status, stdout: this.#stdout, stderr: this.#stderr })
      })
    })
    // who waits hears of it; who does not must not fail the run
    this.ended.catch(() => undefined)
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  get isOver(): boolean {
    return this.#isOver
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Stops reading what the program writes, as a pipe into `head` does. */
  closeOutput(...names: readonly ('stdout' | 'stderr')[]): void {
    for (const name of names) this.#process[name].destroy()
  }

  /** Waits until `look` finds something; a program that ended before fails at once, with its words. */
  async until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
    return poll(look, () => {
      if (this.#isOver) throw new Error(`ended early: ${this.#name}\n${this.#stderr}`)
    })
  }

  /** Ends the program and waits for it; what does not listen to SIGTERM is killed. */
  async stop(): Promise<Ended> {
    if (!this.#isOver) this.signal('SIGTERM')
    const timer = setTimeout(() => {
      this.signal('SIGKILL')
    }, KILL_AFTER_MS)
    try {
      return await this.ended
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Starts a program that ends with the test at the latest. */
export function startForTest(file: string, args: readonly string[], options?: ChildOptions): Child {
  const child = new Child(file, args, options)
  onTestFinished(async () => {
    await child.stop()
  })
  return child
}

/** Runs a program to its end; one that does not end is killed and has no status. */
export async function run(
  file: string,
  args: readonly string[],
  options?: ChildOptions,
): Promise<Ended> {
  const child = new Child(file, args, options)
  const timer = setTimeout(() => {
    child.signal('SIGKILL')
  }, RUN_MS)
  try {
    return await child.ended
  } finally {
    clearTimeout(timer)
  }
}

/** Looks again and again until there is something, at most half a minute. */
export async function poll<T>(
  look: () => T | undefined | Promise<T | undefined>,
  check: () => void = () => undefined,
): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    check()
    if (Date.now() > deadline)
      throw new Error(`nothing came in ${DEADLINE_MS} ms: ${look.toString()}`)
    await delay(20)
  }
}
