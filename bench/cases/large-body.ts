import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { assertChecksLinks, type Contender, LARGE } from '../contenders/contender.ts'
import { inAnHour } from '../links.ts'
import { type CaseResult, measureRounds } from '../statistics.ts'

/** Time for the last accounting: buffers given back, the record written. */
const SETTLE_MS = 300

/** CPU seconds per GiB of one download by curl. */
export async function measureLargeBodies(
  id: string,
  title: string,
  sources: readonly Contender[],
  rounds: number,
): Promise<CaseResult> {
  for (const source of sources) {
    await assertChecksLinks(source)
    await download(source)
  }
  const probes = sources.map((source) => ({
    name: source.name,
    measure: async () => {
      const before = source.server.cpuSeconds()
      await download(source)
      await delay(SETTLE_MS)
      return ((source.server.cpuSeconds() - before) * 2 ** 30) / LARGE.bytes
    },
  }))
  const rows = await measureRounds(probes, rounds)
  return { id, title, unit: 'CPU seconds per GiB', better: 'lower', rows }
}

export async function download({ name, port, sign }: Omit<Contender, 'server'>): Promise<void> {
  const url = `http://127.0.0.1:${port}${sign(LARGE.path, inAnHour())}`
  const { stdout } = await promisify(execFile)(
    'curl',
    ['-sS', '--max-time', '60', '-o', '/dev/null', '-w', '%{http_code} %{size_download}', url],
    { timeout: 70_000 },
  )
  if (stdout !== `200 ${LARGE.bytes}`) throw new Error(`${name} sent ${stdout}`)
}
