import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Child, Ended } from './child.ts'
import { startSluice } from './sluice.ts'
import { KID, signTarget } from './test-gateway.ts'

/** What `serve` says when it is ready: its address, that of the admin API, and the token's file. */
const GREETING = /serves (https?:\S+)[\s\S]*admin API +(http:\S+)[\s\S]*admin token +(\S+)\n/

/** One life of a `sluice serve` process. */
export interface Life {
  readonly child: Child
  readonly host: string
  readonly port: number
  admin(
    path: string,
    init?: { method?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Response>
  /** `kill -9`, and waits until the process is gone. */
  kill(): Promise<Ended>
}

/** A directory that one `sluice serve` after the other lives on, each in a process of its own. */
export class RestartableGateway {
  readonly directory = mkdtempSync(join(tmpdir(), 'sluice-lives-'))
  readonly #secret: Buffer
  readonly #children: Child[] = []

  /** Gateways with one `secret` take each other's links. */
  constructor(
    files: Readonly<Record<string, Buffer>>,
    config: object,
    policies: object,
    secret: Buffer = randomBytes(32),
  ) {
    this.#secret = secret
    for (const [name, content] of Object.entries(files)) this.write(`library/${name}`, content)
    const k = this.#secret.toString('base64url')
    const key = { kty: 'oct', kid: KID, alg: 'HS256', k, schemes: ['sluice-hmac'] }
    this.write('keys/test.json', JSON.stringify(key))
    for (const [name, policy] of Object.entries({ default: {}, ...policies })) {
      this.writePolicy(name, policy)
    }
    this.write(
      'config/gateway.yaml',
      JSON.stringify({
        server: { port: 0, drainSeconds: 10 },
        admin: { port: 0 },
        origins: { library: { type: 'file', root: '../library' } },
        routes: [{ path: '/files/', origin: 'library', schemes: ['sluice-hmac'] }],
        records: { access: '../access.jsonl', audit: '../audit.jsonl' },
        ...config,
      }),
    )
  }

  write(name: string, content: string | Buffer): void {
    const file = join(this.directory, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content, { mode: 0o600 })
  }

  writePolicy(name: string, policy: object): void {
    this.write(`config/policies/${name}.yaml`, JSON.stringify(policy))
  }

  read(name: string): string {
    return readFileSync(join(this.directory, name), 'utf8')
  }

  sign(path: string, parameters?: Readonly<Record<string, string | number>>): string {
    return signTarget(this.#secret, path, parameters)
  }

  /** Starts a process and waits until it serves. */
  async start(...flags: readonly string[]): Promise<Life> {
    const config = join(this.directory, 'config/gateway.yaml')
    const child = startSluice(['serve', '--config', config, ...flags])
    this.#children.push(child)
    const [, url = '', adminUrl = '', tokenFile = ''] = await child.until(
      () => GREETING.exec(child.stderr) ?? undefined,
    )
    const { hostname, port } = new URL(url)
    const authorization = `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`
    return {
      child,
      host: hostname,
      port: Number(port),
      admin: (path, { method = 'GET', body, headers } = {}) =>
        fetch(adminUrl + path, {
          method,
          headers: { authorization, 'content-type': 'application/json', ...headers },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        }),
      async kill() {
        child.signal('SIGKILL')
        return child.ended
      },
    }
  }

  /** Ends what still runs and removes the directory. */
  async remove(): Promise<void> {
    for (const child of this.#children) await child.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }
}
