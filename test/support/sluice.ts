import { join } from 'node:path'
import { Child, type ChildOptions, type Ended, run } from './child.ts'

/** The checkout. */
export const ROOT = join(import.meta.dirname, '../..')

const MAIN = join(ROOT, 'src/main.ts')

/** Half of what a short command takes is reading the sources. */
const NODE_COMPILE_CACHE = join(ROOT, 'node_modules/.cache/node-compile')

/** What a shell of a person would hold: no colours forced, no settings left over. */
function environment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, LANG } = process.env
  return { PATH, HOME, TMPDIR, LANG, NODE_COMPILE_CACHE, ...extra }
}

/** Runs one command line of sluice, as `node src/main.ts …`. */
export function sluice(args: readonly string[], options: ChildOptions = {}): Promise<Ended> {
  return run(process.execPath, [MAIN, ...args], { ...options, env: environment(options.env) })
}

/** Starts sluice and lets it run. */
export function startSluice(args: readonly string[], options: ChildOptions = {}): Child {
  return new Child(process.execPath, [MAIN, ...args], { ...options, env: environment(options.env) })
}
