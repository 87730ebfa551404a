import { get, type IncomingMessage } from 'node:http'
import type { ServerProcess } from '../children.ts'
import { CLIENT, inAnHour, type Sign, tampered } from '../links.ts'
import { BLOCKED_CLIENT, type FullPolicy, OTHER_CLIENT } from './policy.ts'

export const SMALL = { path: '/files/small.bin', bytes: 1024 }
export const LARGE = { path: '/files/large.bin', bytes: 2 ** 30 }

/** A gateway under measurement: it serves SMALL and LARGE to whoever has a link that `sign` made. */
export interface Contender {
  readonly name: string
  readonly server: ServerProcess
  readonly port: number
  readonly sign: Sign
  /** What it enforces beside signature, path and expiry. */
  readonly policy?: FullPolicy | undefined
}

/** Throws unless the contender really checks its links, and all of its policy. */
export async function assertChecksLinks(contender: Contender): Promise<void> {
  const { sign, policy } = contender
  const foreign = sign(LARGE.path, inAnHour())
  const other = foreign.replace(LARGE.path, SMALL.path)
  const link = (client: string): string => sign(SMALL.path, inAnHour(), client)
  await expect(contender, 'a good link', link(CLIENT), true)
  await expect(contender, 'a changed signature', tampered(link(CLIENT)), false)
  await expect(contender, 'no link', link(CLIENT).replace(/\?.*/, ''), false)
  await expect(contender, 'an expired link', sign(SMALL.path, 1_700_000_000), false)
  await expect(contender, 'the link of another object', other, false)
  if (!policy) return
  await expect(contender, 'a link of its own', link(OTHER_CLIENT), true, OTHER_CLIENT)
  await expect(contender, 'the link of another client', link(CLIENT), false, OTHER_CLIENT)
  await expect(contender, 'a blocked client', link(BLOCKED_CLIENT), false, BLOCKED_CLIENT)
  await assertCountsDownloads(contender, policy.parallel)
}

async function expect(
  { name, port }: Contender,
  what: string,
  target: string,
  isGood: boolean,
  localAddress = CLIENT,
): Promise<void> {
  const response = await ask(port, target, localAddress)
  let bytes = 0
  for await (const chunk of response) bytes += (chunk as Buffer).length
  const { statusCode: status = 0 } = response
  const isRight = isGood
    ? status === 200 && bytes === SMALL.bytes
    : [401, 403, 410].includes(status)
  if (!isRight) throw new Error(`${name} answers ${what} with ${status} and ${bytes} bytes`)
}

/** As many downloads of one link as may run get its bytes; the next one is refused. */
async function assertCountsDownloads({ name, port, sign }: Contender, most: number): Promise<void> {
  const target = sign(LARGE.path, inAnHour() + 1)
  const running: IncomingMessage[] = []
  try {
    for (let i = 0; i <= most; i++) {
      const response = await ask(port, target, CLIENT)
      const { statusCode = 0 } = response
      running.push(response)
      if (i < most ? statusCode !== 200 : ![403, 429].includes(statusCode)) {
        throw new Error(`${name} answers download ${i + 1} of ${most} with ${statusCode}`)
      }
    }
  } finally {
    for (const response of running) response.destroy()
  }
}

/** Resolves with the head; the body waits for a reader. */
function ask(port: number, path: string, localAddress: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, localAddress, agent: false }
    get(options, resolve).once('error', reject)
  })
}
