import { type FreshSource, measureHeldDownloads } from './cases/held-downloads.ts'
import { type LargeSource, measureLargeBodies } from './cases/large-body.ts'
import { measureSmallObjects } from './cases/small-objects.ts'
import { assertChecksLinks, type Contender } from './contenders/contender.ts'
import { startExpress } from './contenders/express.ts'
import { startHaproxy } from './contenders/haproxy.ts'
import {
  type NginxGateway,
  type OriginServer,
  startNginxGateway,
  startOrigin,
} from './contenders/nginx.ts'
import { type SluiceGateway, startSluice } from './contenders/sluice.ts'
import { ROWS } from './names.ts'
import type { Program } from './programs.ts'
import type { CaseResult } from './statistics.ts'
import { tell } from './workplace.ts'

export interface Plan {
  readonly rounds: number
  readonly seconds: number
  /** Of small, large and held. */
  readonly cases: ReadonlySet<string>
  readonly has: (program: Program) => boolean
  /** Takes what the reader of the result must know. */
  readonly note: (text: string) => void
}

/** The gateways that run side by side. What is missing on this machine is undefined. */
interface Field {
  readonly sluice: SluiceGateway
  readonly nginx: NginxGateway
  readonly haproxy: Contender | undefined
  readonly express: Contender | undefined
  readonly expressTuned: Contender | undefined
}

/** Runs all cases that this machine has the programs for. */
export async function measureCases(plan: Plan): Promise<CaseResult[]> {
  if (!plan.has('nginx'))
    throw new Error('nginx is not installed, and it is the origin of every case')
  const origin = await startOrigin()
  const results: CaseResult[] = []
  if (plan.cases.has('small') || plan.cases.has('large')) {
    const field = await startField(origin, plan)
    const contenders = contendersOf(field)
    for (const contender of contenders) await assertChecksLinks(contender)
    tell(`${contenders.length} contenders serve a good link and refuse four bad ones`)
    if (plan.cases.has('small')) results.push(...(await measureSmall(contenders, plan)))
    if (plan.cases.has('large')) results.push(...(await measureLarge(field, plan)))
    for (const { server } of contenders) await server.stop()
  }
  if (plan.cases.has('held')) results.push(await measureHeld(origin, plan))
  await origin.server.stop()
  return results
}

async function startField(origin: OriginServer, plan: Plan): Promise<Field> {
  if (!plan.has('haproxy')) plan.note('haproxy is not installed; its rows are left out')
  if (!plan.has('npm')) plan.note('npm is not installed; the rows of Express are left out')
  return {
    sluice: await startSluice(origin),
    nginx: await startNginxGateway(origin),
    haproxy: plan.has('haproxy') ? await startHaproxy(origin) : undefined,
    express: plan.has('npm') ? await startExpress(origin, { tuned: false }) : undefined,
    expressTuned: plan.has('npm') ? await startExpress(origin, { tuned: true }) : undefined,
  }
}

/** Ours first. */
function contendersOf({ sluice, nginx, haproxy, express, expressTuned }: Field): Contender[] {
  const { server, port } = sluice
  return [
    { name: ROWS.hmac, server, port, sign: sluice.signHmac },
    { name: ROWS.jwt, server, port, sign: sluice.signJwt },
    ...(express ? [express] : []),
    ...(expressTuned ? [expressTuned] : []),
    ...(haproxy ? [haproxy] : []),
    { name: ROWS.nginx, server: nginx.server, port: nginx.ports.defaults, sign: nginx.sign },
  ]
}

async function measureSmall(contenders: readonly Contender[], plan: Plan): Promise<CaseResult[]> {
  if (plan.has('wrk')) {
    tell('small objects')
    return measureSmallObjects(contenders, plan)
  }
  plan.note('wrk is not installed; small objects are left out')
  return []
}

async function measureLarge(field: Field, plan: Plan): Promise<CaseResult[]> {
  if (!plan.has('curl')) {
    plan.note('curl is not installed; large bodies are left out')
    return []
  }
  tell('large bodies')
  const { sluice, nginx, haproxy, express } = field
  const proxied: LargeSource[] = [
    { ...sluice, name: ROWS.sluice, sign: sluice.signHmac },
    { ...nginx, name: ROWS.nginxDefaults, port: nginx.ports.defaults },
    { ...nginx, name: ROWS.nginxLarge, port: nginx.ports.large },
    ...(haproxy ? [haproxy] : []),
    ...(express ? [express] : []),
  ]
  const files: LargeSource[] = [
    { ...sluice, name: ROWS.sluice, sign: sluice.signFile },
    { ...nginx, name: ROWS.nginxFile, port: nginx.ports.file },
  ]
  const { rounds } = plan
  return [
    await measureLargeBodies('large-http', '1 GiB from an HTTP origin', proxied, rounds),
    await measureLargeBodies('large-file', '1 GiB from a directory', files, rounds),
  ]
}

function measureHeld(origin: OriginServer, plan: Plan): Promise<CaseResult> {
  tell('held downloads')
  const sources: FreshSource[] = [
    {
      name: ROWS.sluice,
      start: async () => {
        const sluice = await startSluice(origin)
        return { ...sluice, name: ROWS.sluice, sign: sluice.signHmac }
      },
    },
    {
      name: ROWS.nginxDefaults,
      start: async () => {
        const nginx = await startNginxGateway(origin)
        return { ...nginx, name: ROWS.nginxDefaults, port: nginx.ports.held }
      },
    },
  ]
  return measureHeldDownloads(sources, Math.min(plan.rounds, 3))
}
