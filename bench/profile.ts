import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { download } from './cases/large-body.ts'
import { FRESH_LINKS, KNOWN_LINKS, writeLinks } from './cases/small-objects.ts'
import { type OriginServer, startOrigin } from './contenders/nginx.ts'
import { writeFullPolicy } from './contenders/policy.ts'
import { type SluiceGateway, startSluice } from './contenders/sluice.ts'
import { runWrk } from './load/wrk.ts'
import { tell, workplace } from './workplace.ts'

const SECONDS = 10
const LARGE_DOWNLOADS = 4
const LINES = 25
const PRODUCT = join(import.meta.dirname, '..')

/** The part of V8's .cpuprofile that is read here. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: {
      readonly functionName: string
      readonly url: string
      readonly lineNumber: number
    }
  }[]
  readonly samples: readonly number[]
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[]
}

/** Where the gateway's time goes: the functions with the most self time in four settings, as Markdown. */
export async function profileSluice(): Promise<string> {
  const origin = await startOrigin()
  const sections: string[] = []
  const small = async (
    title: string,
    scheme: 'signHmac' | 'signJwt',
    links: number,
  ): Promise<void> => {
    const load = async (sluice: SluiceGateway): Promise<void> => {
      const targets = join(workplace, 'profile-links')
      writeLinks(targets, sluice[scheme], links)
      await runWrk({ port: sluice.port, targets, seconds: SECONDS })
    }
    sections.push(await profile(origin, title, load))
  }
  await small('1 KiB, known sluice-hmac links', 'signHmac', KNOWN_LINKS)
  await small('1 KiB, fresh sluice-hmac links', 'signHmac', FRESH_LINKS)
  await small('1 KiB, fresh sluice-jwt links', 'signJwt', FRESH_LINKS)
  sections.push(
    await profile(
      origin,
      `${LARGE_DOWNLOADS} GiB from an HTTP origin`,
      async ({ port, signHmac }) => {
        const source = { name: 'Sluice', port, sign: signHmac }
        for (let i = 0; i < LARGE_DOWNLOADS; i++) await download(source)
      },
    ),
  )
  await origin.server.stop()
  return sections.join('\n')
}

async function profile(
  origin: OriginServer,
  title: string,
  load: (sluice: SluiceGateway) => Promise<void>,
): Promise<string> {
  tell(`profiling ${title}`)
  const directory = join(workplace, `profile-${title.replaceAll(/\W+/g, '-')}`)
  mkdirSync(directory)
  const sluice = await startSluice(origin, {
    policy: writeFullPolicy(),
    nodeOptions: ['--cpu-prof', `--cpu-prof-dir=${directory}`, '--cpu-prof-interval=500'],
    settings: ['server.kernelCopy=off'],
  })
  await load(sluice)
  // the profile is written when the process ends by itself
  await sluice.server.stop()
  const file = readdirSync(directory).find((name) => name.endsWith('.cpuprofile'))
  if (file === undefined) throw new Error('no profile was written')
  return formatProfile(title, JSON.parse(readFileSync(join(directory, file), 'utf8')) as CpuProfile)
}

function formatProfile(title: string, { nodes, samples, timeDeltas }: CpuProfile): string {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const self = new Map<string, number>()
  let busy = 0
  for (const [i, id] of samples.entries()) {
    const name = names.get(id) ?? ''
    if (name === '(idle)') continue
    const time = timeDeltas[i] ?? 0
    busy += time
    self.set(name, (self.get(name) ?? 0) + time)
  }
  const hottest = [...self].sort(([, x], [, y]) => y - x).slice(0, LINES)
  const lines = hottest.map(([name, time]) => `| ${((time / busy) * 100).toFixed(1)} % | ${name} |`)
  return `### ${title}\n\n| self time | function |\n| ---: | --- |\n${lines.join('\n')}\n`
}

function nameOf({
  functionName,
  url,
  lineNumber,
}: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  if (url === '') return name
  const place = url.startsWith('file:')
    ? fileURLToPath(url).replace(`${PRODUCT}/`, '').replace('node_modules/', '')
    : url
  return `${name} ${place}:${lineNumber + 1}`
}
