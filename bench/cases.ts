import { measureAddedLatency, unsigned } from './cases/added-latency.ts'
import { measureDecisions } from './cases/decisions.ts'
import { type FreshSource, measureHeldDownloads } from './cases/held-downloads.ts'
import { measureLargeBodies } from './cases/large-body.ts'
import { measureSmallObjects } from './cases/small-objects.ts'
import { assertChecksLinks, type Contender } from './contenders/contender.ts'
import {
  contendersOf,
  type Field,
  hasKernelCopy,
  type Means,
  startField,
  startKernel,
  startPure,
  stopField,
} from './contenders/field.ts'
import { startNginxGateway, startOrigin } from './contenders/nginx.ts'
import { writeFullPolicy } from './contenders/policy.ts'
import type { SluiceGateway } from './contenders/sluice.ts'
import { ROWS } from './names.ts'
import type { CaseResult } from './statistics.ts'
import { tell } from './workplace.ts'

export interface Plan extends Pick<Means, 'has' | 'note'> {
  readonly rounds: number
  readonly seconds: number
  /** Of CASES. */
  readonly cases: ReadonlySet<string>
}

/** What a case finds when it begins. */
interface Stage {
  readonly plan: Plan
  readonly means: Means
}

interface SharedStage extends Stage {
  /** The gateways that run side by side. */
  readonly field: Field
}

interface Case<On extends Stage> {
  readonly name: string
  /** Programs that it cannot do without, besides nginx. */
  readonly needs?: readonly ('wrk' | 'curl')[]
  readonly measure: (stage: On) => Promise<readonly CaseResult[]>
}

const SIDE_BY_SIDE: readonly Case<SharedStage>[] = [
  { name: 'small-known', needs: ['wrk'], measure: (stage) => measureSmall(stage, 'known') },
  { name: 'small-fresh', needs: ['wrk'], measure: (stage) => measureSmall(stage, 'fresh') },
  { name: 'large-http', needs: ['curl'], measure: measureLargeHttp },
  { name: 'large-file', needs: ['curl'], measure: measureLargeFile },
  { name: 'latency', measure: measureLatency },
]

/** These run after the gateways of the others are stopped. */
const ALONE: readonly Case<Stage>[] = [
  { name: 'held', measure: measureHeld },
  { name: 'decisions', measure: ({ plan }) => measureDecisions(plan.rounds) },
]

/** What `--only` takes. */
export const CASES = [...SIDE_BY_SIDE, ...ALONE].map(({ name }) => name)

export interface Measured {
  readonly cases: readonly CaseResult[]
  /** Why there are no figures of a case that was begun. */
  readonly failures: readonly string[]
}

/** Runs all chosen cases that this machine has the programs for. One that fails does not keep the others back. */
export async function measureCases(plan: Plan): Promise<Measured> {
  if (!plan.has('nginx'))
    throw new Error('nginx is not installed, and it is the origin of every case')
  const origin = await startOrigin()
  const means = { ...plan, origin, policy: writeFullPolicy() }
  const cases: CaseResult[] = []
  const failures: string[] = []
  const run = async (
    name: string,
    measure: () => Promise<readonly CaseResult[]>,
  ): Promise<void> => {
    tell(name)
    try {
      cases.push(...(await measure()))
    } catch (error) {
      failures.push(`${name} failed: ${explain(error)}`)
    }
  }
  const isChosen = (one: Case<SharedStage> | Case<Stage>): boolean =>
    plan.cases.has(one.name) && hasNeeds(one, plan)
  const chosen = SIDE_BY_SIDE.filter(isChosen)
  if (chosen.length > 0) {
    const field = await openField(means)
    for (const { name, measure } of chosen) await run(name, () => measure({ plan, means, field }))
    await stopField(field)
  }
  for (const { name, measure } of ALONE.filter(isChosen)) {
    await run(name, () => measure({ plan, means }))
  }
  await origin.server.stop()
  return { cases, failures }
}

function hasNeeds(
  { name, needs = [] }: Pick<Case<Stage>, 'name' | 'needs'>,
  { has, note }: Plan,
): boolean {
  const missing = needs.filter((program) => !has(program))
  if (missing.length > 0) note(`${missing.join()} is not installed; ${name} is left out`)
  return missing.length === 0
}

/** With what caused it, which says more. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${explain(error.cause)}`
}

async function openField(means: Means): Promise<Field> {
  const field = await startField(means)
  const contenders = contendersOf(field, means.policy)
  for (const contender of contenders) await assertChecksLinks(contender)
  tell(`${contenders.length} contenders serve good links and refuse what they must`)
  return field
}

async function measureSmall(
  { field, means, plan }: SharedStage,
  links: 'known' | 'fresh',
): Promise<CaseResult[]> {
  return [await measureSmallObjects(contendersOf(field, means.policy), links, plan)]
}

async function measureLargeHttp({ field, plan }: SharedStage): Promise<CaseResult[]> {
  const { sluice, sluiceKernel, nginx, haproxy, peers } = field
  const viaHttp = (name: string, gateway: SluiceGateway): Contender => ({
    ...gateway,
    name,
    sign: gateway.signHmac,
  })
  const sources: Contender[] = [
    viaHttp(ROWS.sluice, sluice),
    ...(sluiceKernel ? [viaHttp(ROWS.sluiceKernel, sluiceKernel)] : []),
    { ...nginx, name: ROWS.nginxDefaults, port: nginx.ports.defaults },
    { ...nginx, name: ROWS.nginxLarge, port: nginx.ports.large },
    ...(haproxy
      ? [
          { ...haproxy, name: ROWS.haproxy, port: haproxy.ports.signature },
          { ...haproxy, name: ROWS.haproxySplice, port: haproxy.ports.splice },
        ]
      : []),
    ...[ROWS.express, ROWS.fastify].flatMap((name) => peers.get(name) ?? []),
  ]
  return [await measureLargeBodies('large-http', '1 GiB from an HTTP origin', sources, plan.rounds)]
}

async function measureLargeFile({ field, plan }: SharedStage): Promise<CaseResult[]> {
  const { sluice, sluiceKernel, nginx } = field
  const fromFile = (name: string, gateway: SluiceGateway): Contender => ({
    ...gateway,
    name,
    sign: gateway.signFile,
  })
  const sources: Contender[] = [
    fromFile(ROWS.sluice, sluice),
    ...(sluiceKernel ? [fromFile(ROWS.sluiceKernel, sluiceKernel)] : []),
    { ...nginx, name: ROWS.nginxFile, port: nginx.ports.file },
  ]
  return [await measureLargeBodies('large-file', '1 GiB from a directory', sources, plan.rounds)]
}

async function measureLatency({ field, means, plan }: SharedStage): Promise<CaseResult[]> {
  const { sluice, nginx, haproxy } = field
  const answerers = [
    { name: ROWS.sluice, port: sluice.port, sign: sluice.signHmac },
    { name: ROWS.direct, port: means.origin.port, sign: unsigned },
    { name: ROWS.nginx, port: nginx.ports.defaults, sign: nginx.sign },
    ...(haproxy ? [{ ...haproxy, name: ROWS.haproxyFull, port: haproxy.ports.full }] : []),
  ]
  return measureAddedLatency(answerers, plan)
}

async function measureHeld({ means, plan }: Stage): Promise<CaseResult[]> {
  const ours = (name: string, start: (of: Means) => Promise<SluiceGateway>): FreshSource => ({
    name,
    start: async () => {
      const sluice = await start(means)
      return { ...sluice, name, sign: sluice.signHmac }
    },
  })
  const sources: FreshSource[] = [
    ours(ROWS.sluice, startPure),
    ...(hasKernelCopy() ? [ours(ROWS.sluiceKernel, startKernel)] : []),
    {
      name: ROWS.nginxDefaults,
      start: async () => {
        const nginx = await startNginxGateway(means.origin)
        return { ...nginx, name: ROWS.nginxDefaults, port: nginx.ports.held }
      },
    },
  ]
  return [await measureHeldDownloads(sources, plan.rounds)]
}
