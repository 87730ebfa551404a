import { randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Child, ChildOptions, Ended } from './child.ts'
import { ROOT, sluice, startSluice } from './sluice.ts'

/** Where a person stands who calls sluice: a folder with a configuration, keys and nothing running. */
export interface CliFolder {
  readonly directory: string
  /** The HMAC key `hmac-1`. */
  readonly secret: Buffer
  /**
   * Runs `sluice …` here. No command may print a secret, or colour codes where no terminal is, so
   * each of them is held to that.
   */
  run(args: readonly string[], options?: ChildOptions): Promise<Ended>
  /** Starts `sluice …` here; it ends with the test. */
  start(args: readonly string[], options?: ChildOptions): Child
  write(name: string, content: string | object): string
  read(name: string): string
}

const CONFIG = {
  server: { port: 0, drainSeconds: 1 },
  admin: { port: 0 },
  origins: { library: { type: 'file', root: join(ROOT, 'examples/library') } },
  routes: [
    {
      path: '/files/',
      origin: 'library',
      schemes: ['sluice-hmac', 'sluice-jwt'],
      policy: 'default',
    },
  ],
}

/** A new folder, gone when the test is. */
export function cliFolder(): CliFolder {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true })
  })
  const write = (name: string, content: string | object): string => {
    const file = join(directory, name)
    mkdirSync(dirname(file), { recursive: true })
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    writeFileSync(file, text, { mode: 0o600 })
    return file
  }
  const secret = randomBytes(32)
  const oct = (kid: string, bytes: Buffer, scheme: string): object => ({
    kty: 'oct',
    kid,
    alg: 'HS256',
    k: bytes.toString('base64url'),
    schemes: [scheme],
  })
  write('config/gateway.yaml', CONFIG)
  write('config/policies/default.yaml', {})
  write('keys/hmac-1.json', oct('hmac-1', secret, 'sluice-hmac'))
  write('keys/jwt-1.json', oct('jwt-1', randomBytes(32), 'sluice-jwt'))
  return {
    directory,
    secret,
    async run(args, options) {
      const ended = await sluice(args, { cwd: directory, ...options })
      refuseLeaks(ended, secretsOf(join(directory, 'keys')))
      return ended
    },
    start(args, options) {
      const child = startSluice(args, { cwd: directory, ...options })
      onTestFinished(async () => {
        refuseLeaks(await child.stop(), secretsOf(join(directory, 'keys')))
      })
      return child
    },
    write,
    read: (name) => readFileSync(join(directory, name), 'utf8'),
  }
}

/** Every private member of every key, and the admin token. */
function secretsOf(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory).flatMap((name) => {
    const text = readFileSync(join(directory, name), 'utf8')
    if (name === 'admin-token') return [text.trim()]
    return [...text.matchAll(/"(?:k|d|p|q|dp|dq|qi)":\s*"([\w-]{16,})"/g)].map(
      ([, value = '']) => value,
    )
  })
}

function refuseLeaks({ stdout, stderr }: Ended, secrets: readonly string[]): void {
  const written = stdout + stderr
  if (secrets.some((secret) => written.includes(secret))) throw new Error('a secret was printed')
  if (written.includes('\u001b')) throw new Error(`colour codes without a terminal: ${written}`)
}
