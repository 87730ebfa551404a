import type { Command } from 'commander'
import { messageOf } from '../base/failure.ts'
import { type Gateway, startGateway } from '../gateway/gateway.ts'
import { mintLink } from '../operator/mint-link.ts'
import { type ConfigOptions, sourcesOf, withConfigOptions } from './config-options.ts'
import { CommandError, type Output, paint } from './output.ts'

interface ServeOptions extends ConfigOptions {
  readonly workers: string
  readonly demo?: string
}

/** `sluice serve`: runs the gateway until SIGTERM. */
export function serveCommand(parent: Command, output: Output): void {
  withConfigOptions(parent.command('serve'))
    .description('run the gateway')
    .option('--workers <n>', 'processes that share the port', '1')
    .option('--demo <path>', 'print two links to this path at the start')
    .addHelpText(
      'after',
      `
With --workers N, N processes serve the public port and one more counts for them all, has the admin API and
writes the records. A worker that dies is replaced.

SIGHUP loads config, policies, keys and lists again; with a problem in them the running ones stay.
SIGTERM lets running downloads end, then exits.

Settings come from the file, then from the environment (SLUICE_SERVER__PORT=9000), then from --set.

Examples:
  sluice serve
  sluice serve --workers 4
  sluice serve --config /etc/sluice/gateway.yaml --set server.port=9000`,
    )
    .action(async (options: ServeOptions) => {
      await serve(options, output)
    })
}

async function serve(options: ServeOptions, output: Output): Promise<void> {
  if (!/^[1-9]\d{0,3}$/.test(options.workers)) {
    throw new CommandError('--workers: expected a whole number of 1 or more', 2)
  }
  let gateway: Gateway
  try {
    gateway = await startGateway({
      ...sourcesOf(options),
      workers: Number(options.workers),
      log: (level, message) => {
        output.tell(`${new Date().toISOString()} ${level} ${message}`)
      },
    })
  } catch (error) {
    throw new CommandError(whyNotStarted(error), 1)
  }
  process.on('SIGHUP', () => {
    void gateway.reload()
  })
  let ending = false
  // a second signal means now
  const ended = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (ending) process.exit(1)
        ending = true
        resolve()
      })
    }
  })
  try {
    greet(gateway, options.demo, output)
  } catch (error) {
    await gateway.drain()
    throw error
  }
  await ended
  output.tell('draining: running downloads end, nothing new begins')
  await gateway.drain()
}

const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EACCES: 'this user may not listen on',
  EADDRINUSE: 'another program listens on',
  EADDRNOTAVAIL: 'this machine does not have the address of',
}

/** Node names the system call; the person needs the address and the setting. */
function whyNotStarted(error: unknown): string {
  const { code = '', address, port } = error as { code?: string; address?: string; port?: number }
  const why = LISTEN_FAILURES[code]
  if (why === undefined) return messageOf(error)
  return `${why} ${address}:${port} (server.host and server.port, or admin.host and admin.port)`
}

function greet(gateway: Gateway, demo: string | undefined, output: Output): void {
  // access records own standard output; only the demo, which nobody pipes, speaks there
  const stream = demo === undefined ? process.stderr : process.stdout
  const say = (line: string): void => {
    if (demo === undefined) output.tell(line)
    else output.print(line)
  }
  say(`${paint('bold', 'Sluice', stream)} serves ${gateway.publicUrl}`)
  say(`  admin API   ${gateway.adminUrl}`)
  say(`  dashboard   ${gateway.adminUrl}/ ${paint('dim', '(not built yet)', stream)}`)
  say(`  admin token ${gateway.adminTokenFile}`)
  for (const file of gateway.createdFiles) say(paint('dim', `  made        ${file}`, stream))
  if (demo === undefined) return
  say('')
  say('Two links that work, for an hour:')
  for (const scheme of ['sluice-hmac', 'sluice-jwt']) {
    const minted = mintLink(gateway.desk, { path: demo, scheme }, 'json')
    if ('field' in minted) throw new CommandError(`--demo: ${minted.field}: ${minted.message}`, 1)
    say(`  curl -OJ '${minted.url}'`)
  }
  say('')
}
