import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const CONNECTIONS = 32
const SCRIPT = join(import.meta.dirname, 'fresh-links.lua')

export interface WrkLoad {
  readonly port: number
  /** The target of every request. */
  readonly target: string
  readonly seconds: number
  /** Takes the targets from a file instead, one a line. */
  readonly targets?: { readonly file: string; readonly start: number }
}

/** Loads one port over kept connections; gives the number of answers. Any answer but success throws. */
export async function runWrk({ port, target, seconds, targets }: WrkLoad): Promise<number> {
  const { stdout } = await promisify(execFile)(
    'wrk',
    [
      ...['-t', '1', '-c', String(CONNECTIONS), '-d', `${seconds}s`, '--timeout', '10s'],
      ...(targets ? ['-s', SCRIPT] : []),
      `http://127.0.0.1:${port}${target}`,
      ...(targets ? ['--', targets.file, String(targets.start)] : []),
    ],
    { timeout: (seconds + 30) * 1000 },
  )
  const fault = /^.*(?:Non-2xx|Socket errors).*$/m.exec(stdout)
  if (fault) throw new Error(`wrk saw failures: ${fault[0].trim()}`)
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0)
  if (requests === 0) throw new Error('wrk got no answer')
  return requests
}
