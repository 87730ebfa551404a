import { spawnSync } from 'node:child_process'
import { skippedFor } from '../support/skipped-programs.ts'

/** A program that a test may lack. */
export interface Interpreter {
  readonly isThere: boolean
  /** Ends the title of a test that needs it: empty, or what is missing where the test is skipped. */
  readonly absence: string
}

/**
 * The interpreter of a language, and how to see whether a library of it is there. No machine has all of
 * them and no setup installs them, so tests without one are skipped by name, under CI too.
 */
export function findInterpreter(program: string, library?: readonly string[]): Interpreter {
  const missing = !isRunnable('sh', ['-c', `command -v ${program}`])
    ? program
    : library && !isRunnable(program, library)
      ? `${program} library`
      : undefined
  return {
    isThere: missing === undefined,
    absence: missing === undefined ? '' : skippedFor('', [missing]),
  }
}

function isRunnable(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0
}
