import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SMALL, type Contender } from '../contenders/contender.ts'
import { inAnHour, type Sign } from '../links.ts'
import { runWrk } from '../load/wrk.ts'
import { type CaseResult, measureRounds, type Probe } from '../statistics.ts'
import { workplace } from '../workplace.ts'

/** Few enough for any cache, and enough that no link has more connections than the default policy lets in. */
export const KNOWN_LINKS = 64
/** More than any cache of verified links holds. */
export const FRESH_LINKS = 200_000

/** Programs that compile while they run need some seconds until their cost stands still. */
const WARM_UP_SECONDS = 6

export interface Loading {
  readonly rounds: number
  readonly seconds: number
}

const LINKS = { known: KNOWN_LINKS, fresh: FRESH_LINKS }

/** Requests per CPU second of a 1 KiB object: with links that were seen before, or with a new one for each request. */
export async function measureSmallObjects(
  contenders: readonly Contender[],
  links: keyof typeof LINKS,
  { rounds, seconds }: Loading,
): Promise<CaseResult> {
  const probes: Probe[] = []
  for (const [i, contender] of contenders.entries()) {
    const targets = join(workplace, `${links}-links-${i}`)
    writeLinks(targets, contender.sign, LINKS[links])
    const asked = await runWrk({ port: contender.port, targets, seconds: WARM_UP_SECONDS })
    probes.push(probe(contender, { targets, start: asked, seconds }))
  }
  return {
    id: `small-${links}`,
    title: `1 KiB, ${links} links`,
    unit: 'requests per CPU second',
    better: 'higher',
    rows: await measureRounds(probes, rounds),
  }
}

/** Links to the small object, one target a line, each signed for a second of its own. */
export function writeLinks(file: string, sign: Sign, count: number): void {
  const first = inAnHour()
  const targets = Array.from({ length: count }, (_, i) => sign(SMALL.path, first + i))
  writeFileSync(file, targets.join('\n'))
}

function probe(
  { name, port, server }: Contender,
  load: { readonly targets: string; readonly start: number; readonly seconds: number },
): Probe {
  let { start } = load
  return {
    name,
    measure: async () => {
      const before = server.cpuSeconds()
      const requests = await runWrk({ ...load, port, start })
      // each round goes on where the one before ended, or fresh links would be known
      start += requests
      return requests / (server.cpuSeconds() - before)
    },
  }
}
