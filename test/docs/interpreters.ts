import { spawnSync } from 'node:child_process'
import { skippedFor } from '../support/skipped-programs.ts'

/** A program that a test may lack. */
export interface Interpreter {
  /** How it is called here; undefined where the test is skipped. */
  readonly command: string | undefined
  /** Ends the title of a test that needs it: empty, or what is missing where the test is skipped. */
  readonly absence: string
}

/**
 * The interpreter of a language, and how to see whether a library of it is there. Beside the one on the
 * PATH the system's own counts: packages of the system bring libraries for that one.
 */
export function findInterpreter(program: string, library?: readonly string[]): Interpreter {
  const found = [program, `/usr/bin/${program}`].filter((one) =>
    isRunnable('sh', ['-c', `command -v ${one}`]),
  )
  const command = found.find((one) => !library || isRunnable(one, library))
  const missing = found.length === 0 ? program : `${program} library`
  return { command, absence: command === undefined ? skippedFor('', [missing]) : '' }
}

function isRunnable(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0
}
