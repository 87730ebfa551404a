import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stopAllNow } from './children.ts'

/** The temporary directory of one run: configurations, objects, logs. Gone when the process ends, however it ends. */
export const workplace = mkdtempSync(join(tmpdir(), 'sluice-bench-'))

process.on('exit', () => {
  stopAllNow()
  rmSync(workplace, { recursive: true, force: true, maxRetries: 3 })
})
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => process.exit(status))
}

/** A port of the loopback that nobody listened on a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => {
        resolve(port)
      })
    })
  })
}

/** A line for whoever waits. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`)
}
