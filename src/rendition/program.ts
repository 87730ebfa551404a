import { spawn } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { StringDecoder } from 'node:string_decoder'
import { TranscodeError } from './transcoder.ts'

/** What is kept of the end of standard error. */
const MAX_ERROR_TEXT = 4096

export interface ProgramRun {
  /** A name to look up on PATH, or a path. */
  readonly program: string
  /** The setting that names the program, for the message when there is none. */
  readonly setting: string
  readonly args: readonly string[]
  readonly timeoutSeconds: number
  readonly signal: AbortSignal
  readonly onOutput: (text: string) => void
}

export interface ProgramEnd {
  readonly status: number | null
  /** The last lines of standard error. */
  readonly errorText: string
}

/**
 * Runs a program to its end, without a shell and with nothing of the gateway's environment but PATH.
 * Standard output and descriptor 3 are pipes. Rejects with a `TranscodeError` when the program cannot
 * be started, takes too long or is given up.
 */
export function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  const { program, setting, args, timeoutSeconds, signal, onOutput } = run
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(givenUp())
      return
    }
    const child = spawn(program, args, {
      cwd: '/',
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    })
    const [, output, errors, other] = child.stdio
    let ended: TranscodeError | undefined
    let errorText = ''
    const end = (why: TranscodeError): void => {
      ended ??= why
      // what a program does with a polite signal is its own affair
      child.kill('SIGKILL')
    }
    const onAbort = (): void => {
      end(givenUp())
    }
    const timer = setTimeout(() => {
      end(new TranscodeError(`${nameOf(program)} was not done in ${timeoutSeconds} s`))
    }, timeoutSeconds * 1000)
    signal.addEventListener('abort', onAbort)
    const decoder = new StringDecoder()
    output?.on('data', (chunk: Buffer) => {
      onOutput(decoder.write(chunk))
    })
    errors?.on('data', (chunk: Buffer) => {
      errorText = (errorText + chunk.toString()).slice(-MAX_ERROR_TEXT)
    })
    other?.on('data', () => undefined)
    for (const stream of [output, errors, other]) stream?.on('error', () => undefined)
    const settle = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
    child.once('spawn', () => {
      giveWay(child.pid)
    })
    child.once('error', (error: NodeJS.ErrnoException) => {
      settle()
      reject(notStarted(nameOf(program), setting, error))
    })
    child.once('close', (status) => {
      settle()
      if (ended) reject(ended)
      else resolve({ status, errorText })
    })
  })
}

/** Downloads come first: a program that computes for hours gets what they leave of the processors. */
function giveWay(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // over already, or not allowed: it runs as it is
  }
}

function givenUp(): TranscodeError {
  return new TranscodeError('the work was given up')
}

function notStarted(name: string, setting: string, error: NodeJS.ErrnoException): TranscodeError {
  const text =
    error.code === 'ENOENT'
      ? `${name} was not found: install it or set ${setting}`
      : `${name} cannot be started (${error.code}): see ${setting}`
  return new TranscodeError(text, { cause: error })
}

function nameOf(program: string): string {
  return program.slice(program.lastIndexOf('/') + 1)
}
