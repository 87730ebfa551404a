import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SMALL, type Contender } from '../contenders/contender.ts'
import { inAnHour, type Sign } from '../links.ts'
import { runWrk, type WrkLoad } from '../load/wrk.ts'
import { type CaseResult, measureRounds, type Probe } from '../statistics.ts'
import { tell, workplace } from '../workplace.ts'

/** More than any cache of verified links holds. */
export const FRESH_LINKS = 200_000

export interface Loading {
  readonly rounds: number
  readonly seconds: number
}

/** Requests per CPU second of a 1 KiB object: the same link all the time, then a link of its own for each request. */
export async function measureSmallObjects(
  contenders: readonly Contender[],
  { rounds, seconds }: Loading,
): Promise<CaseResult[]> {
  const same: Probe[] = []
  const fresh: Probe[] = []
  for (const [i, contender] of contenders.entries()) {
    const { name, port, sign } = contender
    const target = sign(SMALL.path, inAnHour())
    const file = join(workplace, `links-${i}`)
    writeFreshLinks(file, sign)
    let start = 0
    const measure = async (load: Omit<WrkLoad, 'port' | 'target' | 'seconds'>): Promise<number> => {
      const before = contender.server.cpuSeconds()
      const requests = await runWrk({ port, target, seconds, ...load })
      start = (start + requests) % FRESH_LINKS
      return requests / (contender.server.cpuSeconds() - before)
    }
    same.push({ name, measure: () => measure({}) })
    // each round goes on where the one before ended
    fresh.push({ name, measure: () => measure({ targets: { file, start } }) })
    tell(`  warming up ${name}`)
    await runWrk({ port, target, seconds })
  }
  tell('  one link, asked again and again')
  const sameRows = await measureRounds(same, rounds)
  tell('  a fresh link for each request')
  const freshRows = await measureRounds(fresh, rounds)
  const unit = 'requests per CPU second'
  return [
    { id: 'small-same', title: '1 KiB, the same link', unit, better: 'higher', rows: sameRows },
    { id: 'small-fresh', title: '1 KiB, fresh links', unit, better: 'higher', rows: freshRows },
  ]
}

/** One target a line, each signed for a second of its own. */
export function writeFreshLinks(file: string, sign: Sign): void {
  const first = inAnHour()
  const targets = Array.from({ length: FRESH_LINKS }, (_, i) => sign(SMALL.path, first + i))
  writeFileSync(file, targets.join('\n'))
}
