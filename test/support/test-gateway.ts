import { createHmac, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../src/base/clock.ts'
import { type Gateway, startGateway } from '../../src/gateway/gateway.ts'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { testCertificate, TRANSPORT } from './transport.ts'

export interface TestGatewayOptions {
  /** Objects of the file origin `library`, by name. */
  readonly files?: Readonly<Record<string, string | Buffer>>
  /** Policy files by name; `default` is written in any case. */
  readonly policies?: Readonly<Record<string, object>>
  /** Merged over the gateway's configuration, section by section. */
  readonly config?: Readonly<Record<string, object>>
  readonly routes?: readonly object[]
  /** JWKs besides the HMAC key. */
  readonly keys?: readonly object[]
  /** Clients of the published APIs: `keys/clients.json`. */
  readonly clients?: readonly object[]
  readonly clock?: Clock
  /** Of the HMAC key; gateways that share it take each other's links. */
  readonly secret?: Buffer
  /** Goes on with the directory of an earlier gateway. */
  readonly directory?: string
}

/** A gateway in this process on free ports, with a key that the tests know. */
export interface TestGateway {
  readonly gateway: Gateway
  readonly url: string
  readonly host: string
  readonly port: number
  readonly adminUrl: string
  readonly adminToken: string
  readonly directory: string
  /** The file origin's root. */
  readonly root: string
  readonly secret: Buffer
  readonly kid: string
  readonly logged: string[]
  /** A signed target, made by the documented formula and not by the product's signer. */
  sign(path: string, parameters?: Readonly<Record<string, string | number>>): string
  /** All access records so far, once `count` of them are there. */
  records(count: number): Promise<AccessRecord[]>
  admin(
    path: string,
    init?: { method?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Response>
  close(options?: { keepDirectory?: boolean }): Promise<void>
}

export const KID = 'test-hmac'

export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'sluice-test-'))
  const root = join(directory, 'library')
  const secret = writeFixture(directory, root, options)
  const logged: string[] = []
  const gateway = await startGateway({
    file: join(directory, 'config/gateway.yaml'),
    env: {},
    log: (level, message) => logged.push(`${level} ${message}`),
    ...(options.clock && { clock: options.clock }),
  })
  const { hostname, port } = new URL(gateway.publicUrl)
  const adminToken = readFileSync(gateway.adminTokenFile, 'utf8').trim()
  return {
    gateway,
    url: gateway.publicUrl,
    host: hostname,
    port: Number(port),
    adminUrl: gateway.adminUrl,
    adminToken,
    directory,
    root,
    secret,
    kid: KID,
    logged,
    sign: (path, parameters) => signTarget(secret, path, parameters),
    records: (count) => readRecords(join(directory, 'access.jsonl'), count),
    admin: (path, { method = 'GET', body, headers } = {}) =>
      fetch(gateway.adminUrl + path, {
        method,
        headers: {
          authorization: `Bearer ${adminToken}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    async close({ keepDirectory = false } = {}) {
      await gateway.drain()
      if (!keepDirectory) rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** A route for each policy, at the path of its name, with links of the gateway's own format. */
export function routePerPolicy(policies: readonly string[]): object[] {
  return policies.map((policy) => ({
    path: `/${policy}/`,
    origin: 'library',
    policy,
    schemes: ['sluice-hmac'],
  }))
}

/** `PATH?…&Expires=E&KeyId=K&Signature=S` by the documented formula (section 5). */
export function signTarget(
  secret: Buffer,
  path: string,
  parameters: Readonly<Record<string, string | number>> = {},
  kid = KID,
): string {
  const { Expires = Math.floor(Date.now() / 1000) + 3600, ...constraints } = parameters
  const pairs = Object.entries(constraints).map(
    ([name, value]) => `${name}=${encodeURIComponent(String(value))}`,
  )
  const signed = `${path}?${[...pairs, `Expires=${Expires}`, `KeyId=${kid}`].join('&')}`
  const signature = createHmac('sha256', secret).update(signed).digest('base64url')
  return `${signed}&Signature=${signature}`
}

function writeFixture(directory: string, root: string, options: TestGatewayOptions): Buffer {
  const write = (name: string, content: string | Buffer): void => {
    const file = join(directory, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content, { mode: 0o600 })
  }
  const secretFile = join(directory, 'keys/test.json')
  if (options.directory !== undefined) {
    const { k } = JSON.parse(readFileSync(secretFile, 'utf8')) as { k: string }
    return Buffer.from(k, 'base64url')
  }
  const secret = options.secret ?? randomBytes(32)
  mkdirSync(root, { recursive: true })
  for (const [name, content] of Object.entries(options.files ?? {}))
    write(`library/${name}`, content)
  const key = {
    kty: 'oct',
    kid: KID,
    alg: 'HS256',
    k: secret.toString('base64url'),
    schemes: ['sluice-hmac'],
  }
  write('keys/test.json', JSON.stringify(key))
  if (options.keys) write('keys/more.json', JSON.stringify({ keys: options.keys }))
  if (options.clients) write('keys/clients.json', JSON.stringify(options.clients))
  for (const [name, policy] of Object.entries({ default: {}, ...options.policies })) {
    write(`config/policies/${name}.yaml`, JSON.stringify(policy))
  }
  const { server, origins, ...sections } = options.config ?? {}
  write(
    'config/gateway.yaml',
    JSON.stringify({
      server: {
        port: 0,
        drainSeconds: 1,
        ...(TRANSPORT !== 'plain' && { tls: testCertificate() }),
        ...server,
      },
      admin: { port: 0 },
      origins: { library: { type: 'file', root: '../library' }, ...origins },
      routes: options.routes ?? [
        { path: '/files/', origin: 'library', schemes: ['sluice-hmac', 'sluice-jwt'] },
      ],
      records: { access: '../access.jsonl', audit: '../audit.jsonl' },
      ...sections,
    }),
  )
  return secret
}

async function readRecords(file: string, count: number): Promise<AccessRecord[]> {
  for (let tries = 0; ; tries++) {
    const lines = readIfThere(file).split('\n').slice(0, -1)
    if (lines.length >= count) return lines.map((line) => JSON.parse(line) as AccessRecord)
    if (tries === 200) throw new Error(`${lines.length} records after 4 s, ${count} expected`)
    await delay(20)
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
