import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { assertChecksLinks, type Contender, LARGE } from '../contenders/contender.ts'
import { inAnHour, type Sign } from '../links.ts'
import { type CaseResult, measureRounds } from '../statistics.ts'
import { workplace } from '../workplace.ts'

export const HELD = 2000

const CLIENT = join(import.meta.dirname, '../load/slow-readers.ts')
/** Long enough for buffers to settle, far below the minute after which stalled readers are cut. */
const SETTLE_MS = 5000
const OPEN_MS = 30_000

/** Starts a gateway that has served nothing yet. */
export interface FreshSource {
  readonly name: string
  readonly start: () => Promise<Contender>
}

/** KiB of memory for each of 2,000 downloads whose readers took 64 KiB and stopped. */
export async function measureHeldDownloads(
  sources: readonly FreshSource[],
  rounds: number,
): Promise<CaseResult> {
  const probes = sources.map(({ name, start }) => ({
    name,
    measure: async () => {
      const source = await start()
      try {
        return await holdAndMeasure(source)
      } finally {
        await source.server.stop()
      }
    },
  }))
  return {
    id: 'held',
    title: `${HELD} held downloads`,
    unit: 'KiB of memory per download',
    better: 'lower',
    rows: await measureRounds(probes, rounds),
  }
}

async function holdAndMeasure(source: Contender): Promise<number> {
  const file = join(workplace, 'held-links')
  writeLinks(file, source.sign)
  // the first request loads what any request needs
  await assertChecksLinks(source)
  await delay(1000)
  const before = source.server.memoryKib()
  const readers = await hold(source.port, file)
  try {
    await delay(SETTLE_MS)
    const after = source.server.memoryKib()
    if (readers.exitCode !== null) throw new Error(`${source.name} let held downloads go`)
    return (after - before) / HELD
  } finally {
    readers.kill('SIGKILL')
  }
}

/** Opens the connections from a process of their own; resolves when all of them stand still. */
function hold(port: number, file: string): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const readers = spawn(process.execPath, [CLIENT, String(port), file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const kill = (): void => {
      readers.kill('SIGKILL')
    }
    process.once('exit', kill)
    let complaint = ''
    const timer = setTimeout(() => {
      kill()
      reject(new Error(`the slow readers were not ready within ${OPEN_MS / 1000} s`))
    }, OPEN_MS)
    readers.stdout.once('data', () => {
      clearTimeout(timer)
      resolve(readers)
    })
    readers.stderr.on('data', (chunk: Buffer) => {
      complaint += chunk.toString()
    })
    readers.once('exit', () => {
      clearTimeout(timer)
      process.off('exit', kill)
      reject(new Error(`the slow readers ended: ${complaint.trim()}`))
    })
  })
}

function writeLinks(file: string, sign: Sign): void {
  const first = inAnHour()
  const targets = Array.from({ length: HELD }, (_, i) => sign(LARGE.path, first + i))
  writeFileSync(file, targets.join('\n'))
}
