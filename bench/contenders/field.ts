import { createRequire } from 'node:module'
import { ROWS } from '../names.ts'
import type { Program } from '../programs.ts'
import type { Contender } from './contender.ts'
import { type HaproxyGateway, startHaproxy } from './haproxy.ts'
import { type NginxGateway, type OriginServer, startNginxGateway } from './nginx.ts'
import { hasLua } from './nginx-lua.ts'
import { type NodePeer, startNodePeer } from './node-peers.ts'
import type { FullPolicy } from './policy.ts'
import { type SluiceGateway, startSluice } from './sluice.ts'

/** The gateways that run side by side. What is missing on this machine is undefined, or not among the peers. */
export interface Field {
  /** Bytes by TypeScript alone. */
  readonly sluice: SluiceGateway
  readonly sluiceKernel: SluiceGateway | undefined
  readonly nginx: NginxGateway
  readonly haproxy: HaproxyGateway | undefined
  /** By name of their row. */
  readonly peers: ReadonlyMap<string, Contender>
}

/** What a run has to work with. */
export interface Means {
  readonly origin: OriginServer
  readonly policy: FullPolicy
  readonly has: (program: Program) => boolean
  /** Takes what the reader of the result must know. */
  readonly note: (text: string) => void
}

const PURE = ['server.kernelCopy=off']
const KERNEL = ['server.kernelCopy=auto']

/** Starts all gateways that this machine has the programs for, and notes which it has not. */
export async function startField(means: Means): Promise<Field> {
  const { origin, policy, has } = means
  noteMissing(means)
  const peers = new Map<string, Contender>()
  for (const peer of has('npm') ? nodePeers(policy) : []) {
    peers.set(peer.name, await startNodePeer(origin, peer))
  }
  return {
    sluice: await startPure(means),
    sluiceKernel: hasKernelCopy() ? await startKernel(means) : undefined,
    nginx: await startNginxGateway(origin),
    haproxy: has('haproxy') ? await startHaproxy(origin, policy) : undefined,
    peers,
  }
}

export async function stopField({
  sluice,
  sluiceKernel,
  nginx,
  haproxy,
  peers,
}: Field): Promise<void> {
  for (const gateway of [sluice, sluiceKernel, nginx, haproxy, ...peers.values()]) {
    await gateway?.server.stop()
  }
}

export function startPure({ origin, policy }: Means): Promise<SluiceGateway> {
  return startSluice(origin, { policy, settings: PURE })
}

export function startKernel({ origin, policy }: Means): Promise<SluiceGateway> {
  return startSluice(origin, { policy, settings: KERNEL })
}

/** Whether the optional addon was built and can be loaded here. */
export function hasKernelCopy(): boolean {
  try {
    createRequire(import.meta.url)('sluice-kernel-copy')
    return true
  } catch {
    return false
  }
}

/** All that answer for small objects, ours first. */
export function contendersOf(
  { sluice, nginx, haproxy, peers }: Field,
  policy: FullPolicy,
): Contender[] {
  const { server, port } = sluice
  const { ports, sign, signLua } = nginx
  return [
    { name: ROWS.hmac, server, port, sign: sluice.signHmac, policy },
    { name: ROWS.jwt, server, port, sign: sluice.signJwt, policy },
    ...peers.values(),
    ...(haproxy
      ? [
          { ...haproxy, name: ROWS.haproxy, port: haproxy.ports.signature },
          { ...haproxy, name: ROWS.haproxyFull, port: haproxy.ports.full, policy },
        ]
      : []),
    { ...nginx, name: ROWS.nginx, port: ports.defaults, sign },
    ...(ports.lua === undefined
      ? []
      : [{ ...nginx, name: ROWS.nginxLua, port: ports.lua, sign: signLua }]),
  ]
}

function nodePeers(policy: FullPolicy): NodePeer[] {
  const [express, fastify] = ['express-server.js', 'fastify-server.js'] as const
  return [
    { name: ROWS.express, program: express },
    { name: ROWS.expressTuned, program: express, tuned: true },
    { name: ROWS.expressFull, program: express, tuned: true, policy },
    { name: ROWS.fastify, program: fastify },
    { name: ROWS.fastifyFull, program: fastify, policy },
  ]
}

function noteMissing({ has, note }: Means): void {
  if (!has('haproxy')) note('haproxy is not installed; its rows are left out')
  if (!has('npm')) note('npm is not installed; the rows of Express and Fastify are left out')
  if (!hasLua()) {
    note("nginx's Lua module (libnginx-mod-http-lua) is not installed; its row is left out")
  }
  if (!hasKernelCopy()) note('sluice-kernel-copy is not built; its rows are left out')
}
