import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServerProcess } from '../children.ts'
import { jwtSigner, newSecret } from '../links.ts'
import { freePort, tell, workplace } from '../workplace.ts'
import type { Contender } from './contender.ts'
import type { OriginServer } from './nginx.ts'
import type { FullPolicy } from './policy.ts'

const BENCH = join(import.meta.dirname, '..')
const PACKAGES = [
  'express',
  'http-proxy-middleware',
  'jsonwebtoken',
  'fastify',
  '@fastify/http-proxy',
  '@fastify/jwt',
]

/** Installs the peers that come from npm, by the benchmark's own lock file. */
export function installPeers(): void {
  if (PACKAGES.every((name) => existsSync(manifestOf(name)))) return
  tell(`installing ${PACKAGES.join(', ')} for the comparison (npm --prefix bench ci)`)
  execFileSync('npm', ['--prefix', BENCH, 'ci', '--no-audit', '--no-fund'], { stdio: 'ignore' })
}

/** Versions of what is installed. */
export function peerVersions(): Record<string, string> {
  return Object.fromEntries(
    PACKAGES.filter((name) => existsSync(manifestOf(name))).map((name) => {
      const { version } = JSON.parse(readFileSync(manifestOf(name), 'utf8')) as { version: string }
      return [name, version]
    }),
  )
}

export interface NodePeer {
  readonly name: string
  readonly program: 'express-server.js' | 'fastify-server.js'
  /** With a key object in place of a text and with kept connections to the origin. Fastify's plugins do both anyway. */
  readonly tuned?: boolean
  /** Undefined checks the signature and nothing else. */
  readonly policy?: FullPolicy
}

/** What people build on Node with a framework, its proxy and its JWT plugin. */
export async function startNodePeer(
  origin: OriginServer,
  { name, program, tuned = false, policy }: NodePeer,
): Promise<Contender> {
  const secret = newSecret()
  const port = await freePort()
  const server = new ServerProcess({
    command: 'env',
    args: [
      `BENCH_SECRET=${secret}`,
      `BENCH_TUNED=${tuned ? 'yes' : ''}`,
      `BENCH_BLOCKLIST=${policy?.blocklist ?? ''}`,
      `BENCH_PARALLEL=${policy?.parallel ?? ''}`,
      'NODE_ENV=production',
      process.execPath,
      join(import.meta.dirname, program),
      String(port),
      String(origin.port),
    ],
    logFile: join(workplace, `node-peer-${port}.log`),
  })
  await server.listening(port)
  return { name, server, port, sign: jwtSigner(secret), policy }
}

function manifestOf(name: string): string {
  return join(BENCH, 'node_modules', name, 'package.json')
}
