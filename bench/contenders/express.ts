import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServerProcess } from '../children.ts'
import { jwtSigner, newSecret } from '../links.ts'
import { freePort, tell, workplace } from '../workplace.ts'
import type { Contender } from './contender.ts'
import { ROWS } from '../names.ts'
import type { OriginServer } from './nginx.ts'

const BENCH = join(import.meta.dirname, '..')
const PACKAGES = ['express', 'http-proxy-middleware', 'jsonwebtoken']

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

/**
 * Express, jsonwebtoken and http-proxy-middleware as their own pages show them; or `tuned`, with a key
 * object in place of a text and with kept connections to the origin.
 */
export async function startExpress(
  origin: OriginServer,
  { tuned }: { readonly tuned: boolean },
): Promise<Contender> {
  const secret = newSecret()
  const port = await freePort()
  const program = join(import.meta.dirname, 'express-server.js')
  const server = new ServerProcess({
    command: 'env',
    args: [
      `BENCH_SECRET=${secret}`,
      `BENCH_TUNED=${tuned ? 'yes' : ''}`,
      'NODE_ENV=production',
      process.execPath,
      program,
      String(port),
      String(origin.port),
    ],
    logFile: join(workplace, `express-${port}.log`),
  })
  await server.listening(port)
  return { name: tuned ? ROWS.expressTuned : ROWS.express, server, port, sign: jwtSigner(secret) }
}

function manifestOf(name: string): string {
  return join(BENCH, 'node_modules', name, 'package.json')
}
