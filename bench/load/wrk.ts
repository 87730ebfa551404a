import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const CONNECTIONS = '32'
const SCRIPT = join(import.meta.dirname, 'links.lua')

export interface WrkLoad {
  readonly port: number
  /** A file of request targets, one a line, that are asked in turn. */
  readonly targets: string
  /** How many of them to skip; counted around. */
  readonly start?: number
  readonly seconds: number
}

/** Loads one port over kept connections; gives the number of answers. Any answer but success throws. */
export async function runWrk({ port, targets, start = 0, seconds }: WrkLoad): Promise<number> {
  const load = ['-t', '1', '-c', CONNECTIONS, '-d', `${seconds}s`, '--timeout', '10s', '-s', SCRIPT]
  const { stdout } = await promisify(execFile)(
    'wrk',
    [...load, `http://127.0.0.1:${port}/`, '--', targets, String(start)],
    { timeout: (seconds + 30) * 1000 },
  )
  const fault = /^.*(?:Non-2xx|Socket errors).*$/m.exec(stdout)
  if (fault) throw new Error(`wrk saw failures: ${fault[0].trim()}`)
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0)
  if (requests === 0) throw new Error('wrk got no answer')
  return requests
}
