import { get } from 'node:http'
import type { ServerProcess } from '../children.ts'
import { inAnHour, type Sign, tampered } from '../links.ts'

export const SMALL = { path: '/files/small.bin', bytes: 1024 }
export const LARGE = { path: '/files/large.bin', bytes: 2 ** 30 }

/** A gateway under measurement: it serves SMALL and LARGE to whoever has a link that `sign` made. */
export interface Contender {
  readonly name: string
  readonly server: ServerProcess
  readonly port: number
  readonly sign: Sign
}

/** Throws unless the contender really checks its links. */
export async function assertChecksLinks({ name, port, sign }: Contender): Promise<void> {
  const good = sign(SMALL.path, inAnHour())
  const foreign = sign(LARGE.path, inAnHour())
  const cases = [
    ['a good link', good, true],
    ['a changed signature', tampered(good), false],
    ['no link', SMALL.path, false],
    ['an expired link', sign(SMALL.path, 1_700_000_000), false],
    ['the link of another object', SMALL.path + foreign.slice(LARGE.path.length), false],
  ] as const
  for (const [what, target, isGood] of cases) {
    const { status, bytes } = await fetchStatus(port, target)
    const isRight = isGood
      ? status === 200 && bytes === SMALL.bytes
      : [401, 403, 410].includes(status)
    if (!isRight) throw new Error(`${name} answers ${what} with ${status} and ${bytes} bytes`)
  }
}

function fetchStatus(port: number, target: string): Promise<{ status: number; bytes: number }> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: target, agent: false }, (response) => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      response.once('error', reject)
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, bytes })
      })
    })
    request.once('error', reject)
  })
}
