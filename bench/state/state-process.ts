import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** A redis-server of its own, on a socket in a folder of its own. */
export interface StateProcess {
  readonly socket: string
  cli(input: string | undefined, ...args: readonly string[]): string
  stop(): void
}

export async function startState(): Promise<StateProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-state-'))
  const socket = join(directory, 'socket')
  const options = ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', directory]
  const server = spawn('redis-server', options, { stdio: 'ignore' })
  const state: StateProcess = {
    socket,
    cli: (input, ...args) =>
      execFileSync('redis-cli', ['-s', socket, ...args], {
        input,
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'ignore'],
      }),
    stop() {
      server.kill('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
  for (let look = 0; look < 100; look++) {
    try {
      if (state.cli(undefined, 'PING').startsWith('PONG')) return state
    } catch {
      await delay(50)
    }
  }
  state.stop()
  throw new Error('redis-server does not start')
}
