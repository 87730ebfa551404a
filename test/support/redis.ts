import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Child, poll, run } from './child.ts'
import { freePort } from './free-port.ts'
import { program } from './programs.ts'
import type { TlsFiles } from './tls-files.ts'

export interface RedisOptions {
  /** Of the default user. */
  readonly password?: string | undefined
  /** Lines as `sluice on >secret ~sluice:* +@all`. */
  readonly users?: readonly string[] | undefined
  readonly tls?: TlsFiles | undefined
  readonly replicaOf?: RedisProcess | undefined
  /** More lines of redis.conf. */
  readonly config?: readonly string[] | undefined
  /** Starts a Sentinel with these lines instead of a server. */
  readonly isSentinel?: boolean | undefined
}

const READY = /^(?:PONG|.*NOAUTH|.*LOADING)/

/** A redis-server of its own, on a free port. */
export class RedisProcess {
  readonly port: number
  readonly url: string
  readonly #options: RedisOptions
  readonly #directory = mkdtempSync(join(tmpdir(), 'sluice-redis-'))
  #child: Child | undefined

  constructor(port: number, options: RedisOptions) {
    this.port = port
    this.#options = options
    const login = options.password === undefined ? '' : `:${encodeURIComponent(options.password)}@`
    this.url = `${options.tls ? 'rediss' : 'redis'}://${login}127.0.0.1:${port}`
  }

  get pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error('redis-server does not run')
    return pid
  }

  async start(): Promise<void> {
    const file = join(this.#directory, 'redis.conf')
    writeFileSync(file, `${this.#lines().join('\n')}\n`)
    const args = this.#options.isSentinel ? [file, '--sentinel'] : [file]
    const child = new Child(program('redis-server'), args, { cwd: this.#directory })
    this.#child = child
    await child.until(async () => (READY.test(await this.cli('PING')) ? true : undefined))
  }

  /** Ends the process by a signal and waits until it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (!child) return
    child.signal(signal)
    await child.ended
    this.#child = undefined
  }

  /** Kills the server and starts it on the same port, with what it knew unless it is to be empty. */
  async restart(options: { readonly empty?: boolean } = {}): Promise<void> {
    if (this.#child && !options.empty) await this.cli('SAVE')
    await this.kill()
    if (options.empty) rmSync(join(this.#directory, 'dump.rdb'), { force: true })
    await this.start()
  }

  /** Stops the process where it is: connections stand, nothing answers. */
  pause(): void {
    this.#child?.signal('SIGSTOP')
  }

  resume(): void {
    this.#child?.signal('SIGCONT')
  }

  /** Makes the last save one that failed: with `stop-writes-on-bgsave-error` the server takes no writes. */
  async failSaves(): Promise<void> {
    // a folder stands where the file is to be
    mkdirSync(join(this.#directory, 'dump.rdb'), { recursive: true })
    await this.cli('BGSAVE')
    await poll(async () =>
      (await this.cli('INFO', 'persistence')).includes('rdb_last_bgsave_status:err')
        ? true
        : undefined,
    )
  }

  /** What redis-cli prints for a command. */
  async cli(...command: readonly string[]): Promise<string> {
    const { password, tls } = this.#options
    const login = password === undefined ? [] : ['--no-auth-warning', '-a', password]
    const secure = tls ? ['--tls', '--cacert', tls.ca] : []
    const place = ['-h', '127.0.0.1', '-p', String(this.port)]
    const ended = await run(program('redis-cli'), [...place, ...login, ...secure, ...command])
    return `${ended.stdout}${ended.stderr}`.trim()
  }

  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #lines(): readonly string[] {
    const { password, users = [], tls, replicaOf, config = [], isSentinel } = this.#options
    return [
      ...(tls ? ['port 0', `tls-port ${this.port}`] : [`port ${this.port}`]),
      ...(tls ? [`tls-cert-file ${tls.certificate}`, `tls-key-file ${tls.key}`] : []),
      ...(tls ? [`tls-ca-cert-file ${tls.ca}`, 'tls-auth-clients no'] : []),
      'bind 127.0.0.1',
      `dir ${this.#directory}`,
      ...(isSentinel ? [] : ['save ""', 'appendonly no', 'repl-diskless-sync-delay 0']),
      ...(password === undefined ? [] : [`requirepass ${password}`, `masterauth ${password}`]),
      ...users.map((user) => `user ${user}`),
      ...(replicaOf ? [`replicaof 127.0.0.1 ${replicaOf.port}`] : []),
      ...config,
    ]
  }
}

/** Starts a server; whoever starts it stops it. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisProcess> {
  const redis = new RedisProcess(await freePort(), options)
  try {
    await redis.start()
    if (options.replicaOf) await linked(redis)
    return redis
  } catch (error) {
    await redis.stop()
    throw error
  }
}

/** Starts a server that ends with the test at the latest. */
export async function redisForTest(options: RedisOptions = {}): Promise<RedisProcess> {
  const redis = await startRedis(options)
  onTestFinished(() => redis.stop())
  return redis
}

async function linked(replica: RedisProcess): Promise<void> {
  await poll(async () =>
    (await replica.cli('INFO', 'replication')).includes('master_link_status:up') ? true : undefined,
  )
}
