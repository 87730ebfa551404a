import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AccessRecord } from '../../src/record/access-record.ts'
import type { Child, Ended } from './child.ts'
import { ROOT, sluice, startSluice } from './sluice.ts'

export interface GatewayProcessOptions {
  /** Members of `server` besides the port. */
  readonly server?: object
  /** Files under `/made/`, by name. */
  readonly files?: Readonly<Record<string, Buffer>>
}

/** `sluice serve` in a process of its own: `/files/` is examples/library, `/made/` what the test made. */
export interface GatewayProcess {
  readonly child: Child
  readonly url: string
  readonly port: number
  readonly directory: string
  readonly config: string
  /** A link by `sluice sign` with this configuration. */
  sign(path: string, ...flags: readonly string[]): Promise<string>
  /** The generated HMAC key. */
  readonly key: { readonly kid: string; readonly secret: Buffer }
  /** The access records of standard output, once `isComplete` is content with them. */
  records(isComplete: (records: readonly AccessRecord[]) => boolean): Promise<AccessRecord[]>
  stop(): Promise<Ended>
}

/** The library that comes with the checkout. */
export const LIBRARY = join(ROOT, 'examples/library')

export async function startGatewayProcess(
  options: GatewayProcessOptions = {},
): Promise<GatewayProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-process-'))
  const config = writeConfig(directory, options)
  const child = startSluice(['serve', '--config', config])
  let url: string
  try {
    url = await child.until(() => /^Sluice serves (http:\S+)\n/m.exec(child.stderr)?.[1])
  } catch (error) {
    await child.stop()
    rmSync(directory, { recursive: true })
    throw error
  }
  return {
    child,
    url,
    port: Number(new URL(url).port),
    directory,
    config,
    async sign(path, ...flags) {
      const args = ['sign', path, '--config', config, '--set', `server.publicUrl=${url}`, ...flags]
      const { status, stdout, stderr } = await sluice(args)
      if (status !== 0) throw new Error(`sluice sign: ${stderr}`)
      return stdout.trim()
    },
    get key() {
      return readKey(join(directory, 'keys'))
    },
    records: (isComplete) =>
      child.until(() => {
        const records = recordsOf(child.stdout)
        return isComplete(records) ? records : undefined
      }),
    async stop() {
      const ended = await child.stop()
      rmSync(directory, { recursive: true })
      return ended
    },
  }
}

function writeConfig(directory: string, { server, files = {} }: GatewayProcessOptions): string {
  for (const folder of ['made', 'config/policies']) {
    mkdirSync(join(directory, folder), { recursive: true })
  }
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(directory, 'made', name), content)
  }
  const config = {
    server: { port: 0, drainSeconds: 1, ...server },
    admin: { port: 0 },
    origins: {
      library: { type: 'file', root: LIBRARY },
      made: { type: 'file', root: '../made' },
    },
    routes: ['files', 'made'].map((name) => ({
      path: `/${name}/`,
      origin: name === 'files' ? 'library' : name,
      schemes: ['sluice-hmac', 'sluice-jwt'],
      policy: 'default',
    })),
  }
  const file = join(directory, 'config/gateway.yaml')
  writeFileSync(file, JSON.stringify(config))
  writeFileSync(join(directory, 'config/policies/default.yaml'), '{}')
  return file
}

function readKey(directory: string): { kid: string; secret: Buffer } {
  const file = readdirSync(directory).find((name) => name.startsWith('hmac-')) ?? 'hmac-….json'
  const { kid, k } = JSON.parse(readFileSync(join(directory, file), 'utf8')) as {
    kid: string
    k: string
  }
  return { kid, secret: Buffer.from(k, 'base64url') }
}

function recordsOf(stdout: string): AccessRecord[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AccessRecord)
}
