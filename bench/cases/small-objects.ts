import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SMALL, type Contender } from '../contenders/contender.ts'
import { inAnHour, type Sign } from '../links.ts'
import { runWrk } from '../load/wrk.ts'
import { type CaseResult, measureRounds, type Probe } from '../statistics.ts'
import { tell, workplace } from '../workplace.ts'

/** Few enough for any cache, and enough that no link has more connections than the default policy lets in. */
export const KNOWN_LINKS = 64
/** More than any cache of verified links holds. */
export const FRESH_LINKS = 200_000

const WARM_UP_SECONDS = 2

export interface Loading {
  readonly rounds: number
  readonly seconds: number
}

/** Requests per CPU second of a 1 KiB object: with links that were seen before, then with a new one for each request. */
export async function measureSmallObjects(
  contenders: readonly Contender[],
  { rounds, seconds }: Loading,
): Promise<CaseResult[]> {
  const known: Probe[] = []
  const fresh: Probe[] = []
  for (const [i, contender] of contenders.entries()) {
    const { name, port, sign } = contender
    tell(`  warming up ${name}`)
    const knownFile = join(workplace, `known-links-${i}`)
    const freshFile = join(workplace, `fresh-links-${i}`)
    writeLinks(knownFile, sign, KNOWN_LINKS)
    writeLinks(freshFile, sign, FRESH_LINKS)
    await runWrk({ port, targets: knownFile, seconds: WARM_UP_SECONDS })
    known.push(probe(contender, knownFile, seconds))
    fresh.push(probe(contender, freshFile, seconds))
  }
  tell('  known links')
  const knownRows = await measureRounds(known, rounds)
  tell('  fresh links')
  const freshRows = await measureRounds(fresh, rounds)
  const unit = 'requests per CPU second'
  return [
    { id: 'small-known', title: '1 KiB, known links', unit, better: 'higher', rows: knownRows },
    { id: 'small-fresh', title: '1 KiB, fresh links', unit, better: 'higher', rows: freshRows },
  ]
}

/** Links to the small object, one target a line, each signed for a second of its own. */
export function writeLinks(file: string, sign: Sign, count: number): void {
  const first = inAnHour()
  const targets = Array.from({ length: count }, (_, i) => sign(SMALL.path, first + i))
  writeFileSync(file, targets.join('\n'))
}

function probe({ name, port, server }: Contender, targets: string, seconds: number): Probe {
  let start = 0
  return {
    name,
    measure: async () => {
      const before = server.cpuSeconds()
      const requests = await runWrk({ port, targets, start, seconds })
      // each round goes on where the one before ended
      start += requests
      return requests / (server.cpuSeconds() - before)
    },
  }
}
