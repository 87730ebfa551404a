import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SMALL } from '../contenders/contender.ts'
import type { Sign } from '../links.ts'
import { type CaseResult, measureSeries } from '../statistics.ts'
import { workplace } from '../workplace.ts'
import { writeLinks } from './small-objects.ts'

const RATE = 2000

const CLIENT = join(import.meta.dirname, '../load/open-loop.ts')
const WARM_UP_SECONDS = 3

/** A place to ask for the small object: a gateway, or the origin itself. */
export interface Answerer {
  readonly name: string
  readonly port: number
  readonly sign: Sign
}

interface LoadFigures {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** The link of what asks for none. */
export const unsigned: Sign = () => SMALL.path

/**
 * Milliseconds from the moment at which a request was due to the last byte of its answer, at a fixed rate, each
 * request with a link of its own: medians and 99th percentiles.
 */
export async function measureAddedLatency(
  answerers: readonly Answerer[],
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<CaseResult[]> {
  const links = RATE * (WARM_UP_SECONDS + seconds * rounds)
  const probes = answerers.map(({ name, port, sign }, i) => {
    const file = join(workplace, `latency-links-${i}`)
    writeLinks(file, sign, links)
    let start = 0
    const load = async (duration: number): Promise<LoadFigures> => {
      const figures = await runOpenLoop(port, file, duration, start)
      start += RATE * duration
      return figures
    }
    return { name, load }
  })
  for (const { load } of probes) await load(WARM_UP_SECONDS)
  const [p50 = [], p99 = []] = await measureSeries(
    probes.map(({ name, load }) => ({
      name,
      measure: async () => {
        const figures = await load(seconds)
        return [figures.p50, figures.p99]
      },
    })),
    rounds,
  )
  const title = `${RATE.toLocaleString('en')} requests a second`
  return [
    { id: 'latency-p50', title: `${title}, median`, unit: 'ms', better: 'lower', rows: p50 },
    {
      id: 'latency-p99',
      title: `${title}, 99th percentile`,
      unit: 'ms',
      better: 'lower',
      rows: p99,
    },
  ]
}

async function runOpenLoop(
  port: number,
  file: string,
  seconds: number,
  start: number,
): Promise<LoadFigures> {
  const args = [CLIENT, port, file, RATE, seconds, start].map(String)
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    timeout: (seconds + 30) * 1000,
  })
  return JSON.parse(stdout) as LoadFigures
}
