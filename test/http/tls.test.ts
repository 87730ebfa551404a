import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectPlainly, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { run } from '../support/child.ts'
import { GatedOrigin } from '../support/gated-origin.ts'
import { needs, program } from '../support/programs.ts'
import { statusesIn } from '../support/raw-answers.ts'
import { RawServer } from '../support/raw-server.ts'
import { type SelfSigned, selfSigned } from '../support/self-signed.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

let directory: string
let first: SelfSigned
let second: SelfSigned
let gateway: TestGateway

const live = (): SelfSigned => ({
  cert: join(directory, 'live.pem'),
  key: join(directory, 'live.key'),
})

function install({ cert, key }: SelfSigned): void {
  copyFileSync(cert, live().cert)
  copyFileSync(key, live().key)
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-tls-test-'))
  first = selfSigned(directory, 'first')
  second = selfSigned(directory, 'second')
  install(first)
  gateway = await startTestGateway({
    files: { 'a.txt': 'hello' },
    config: { server: { tls: live() } },
  })
})

afterAll(async () => {
  await gateway.close()
  rmSync(directory, { recursive: true })
})

function handshake(options: ConnectionOptions = {}, at = gateway): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const { host, port } = at
    const socket = connect({ host, port, rejectUnauthorized: false, ...options })
    socket.once('secureConnect', () => {
      resolve(socket)
    })
    socket.once('error', reject)
    socket.once('close', () => {
      reject(new Error('closed'))
    })
  })
}

async function subjectServed(): Promise<unknown> {
  const socket = await handshake()
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return subject.CN
}

function exchange(socket: Socket, text: string): Promise<string> {
  return new Promise((resolve) => {
    let seen = ''
    socket.on('error', () => {})
    socket.on('data', (chunk) => (seen += chunk.toString('latin1')))
    socket.once('close', () => {
      resolve(seen)
    })
    socket.write(text)
  })
}

const get = (target: string, connection = 'close'): string =>
  `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: ${connection}\r\n\r\n`

describe('the port', () => {
  test('is called by https, and says so in links', async () => {
    expect(gateway.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    const minted = await gateway.admin('/v1/links', {
      method: 'POST',
      body: { path: '/files/a.txt' },
    })
    expect((await minted.json()) as object).toMatchObject({
      url: expect.stringContaining(`${gateway.url}/files/a.txt?`) as unknown,
    })
  })

  test.each([
    [['h2', 'http/1.1'], 'h2'],
    [['http/1.1'], 'http/1.1'],
    [['http/1.0'], 'http/1.0'],
    [[], false],
  ])('of %j chooses %s', async (ALPNProtocols, chosen) => {
    const socket = await handshake(ALPNProtocols.length > 0 ? { ALPNProtocols } : {})
    expect(socket.alpnProtocol).toBe(chosen)
    socket.destroy()
  })

  test('shares no protocol with a client of another one', async () => {
    await expect(handshake({ ALPNProtocols: ['ftp'] })).rejects.toThrow()
  })

  test('speaks TLS 1.2 and 1.3, nothing older', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await handshake({ minVersion: version, maxVersion: version })
      expect(socket.getProtocol()).toBe(version)
      socket.destroy()
    }
    const old = {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    } as const
    await expect(handshake(old)).rejects.toThrow()
  })

  test('answers pipelined HTTP/1.1 in order', async () => {
    const link = gateway.sign('/files/a.txt')
    const answers = await exchange(await handshake(), get(link, 'keep-alive') + get('/none'))
    expect(statusesIn(answers)).toEqual([200, 404])
  })

  test('closes on plain HTTP, and goes on', async () => {
    const socket = connectPlainly(gateway.port, gateway.host)
    expect(await exchange(socket, get('/'))).not.toContain('HTTP/1.1 2')
    expect(
      statusesIn(await exchange(await handshake(), get(gateway.sign('/files/a.txt')))),
    ).toEqual([200])
  })

  needs('curl')('ends a cut HTTP/1.0 answer by a reset, not by the end of TLS', async () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'
    const origin = await RawServer.start((_, socket) => {
      socket.write(head)
      setTimeout(() => socket.end(), 50)
    })
    const cutting = await startTestGateway({
      config: { server: { tls: first }, origins: { cut: { type: 'http', url: origin.url } } },
      routes: [{ path: '/cut/', origin: 'cut', schemes: ['sluice-hmac'] }],
    })
    try {
      const url = cutting.url + cutting.sign('/cut/a.bin')
      const args = ['--silent', '--insecure', '--http1.0', url]
      // 56: failure in receiving network data
      expect(await run(program('curl'), args)).toMatchObject({ status: 56, stdout: 'hello' })
    } finally {
      await cutting.close()
      await origin.stop()
    }
  })
})

describe('a certificate', () => {
  test('that is replaced on disk is in force soon, and its life is a metric', async () => {
    install(first)
    await eventually('the first', async () => (await subjectServed()) === 'first')
    const kept = await handshake()
    install(second)
    await eventually('the second', async () => (await subjectServed()) === 'second')
    expect(statusesIn(await exchange(kept, get(gateway.sign('/files/a.txt'))))).toEqual([200])
    const metrics = await (await gateway.admin('/metrics')).text()
    const left = /^sluice_tls_certificate_expiry_seconds (\d+)$/m.exec(metrics)?.[1]
    expect(Number(left)).toBeGreaterThan(86_400)
    expect(Number(left)).toBeLessThanOrEqual(2 * 86_400)
  })

  test('is read at once by a reload', async () => {
    install(first)
    expect(await gateway.gateway.reload()).toBe(true)
    expect(await subjectServed()).toBe('first')
  })

  test('whose key does not belong to it changes nothing, and a reload says why', async () => {
    install(first)
    await gateway.gateway.reload()
    copyFileSync(second.key, live().key)
    expect(await gateway.gateway.reload()).toBe(false)
    expect(gateway.logged.at(-1)).toContain('server.tls.key: is not the key of the certificate')
    expect(await subjectServed()).toBe('first')
    install(first)
  })

  test('that cannot be used lets no gateway start', async () => {
    const tls = { cert: first.cert, key: second.key }
    await expect(startTestGateway({ config: { server: { tls } } })).rejects.toThrow(
      'server.tls.key: is not the key of the certificate CN=first',
    )
  })
})

test('without TLS there is no metric of a certificate', async () => {
  const plain = await startTestGateway({ config: { server: { tls: undefined } } })
  const metrics = await (await plain.admin('/metrics')).text()
  await plain.close()
  expect(metrics).not.toMatch(/^sluice_tls_certificate_expiry_seconds \d/m)
})

describe('behind a proxy that sends PROXY headers', () => {
  const header = 'PROXY TCP4 192.0.2.7 127.0.0.1 5000 443\r\n'
  let proxied: TestGateway

  beforeAll(async () => {
    proxied = await startTestGateway({
      files: { 'a.txt': 'hello' },
      config: { server: { tls: first, proxyProtocol: true, trustedProxies: ['127.0.0.1'] } },
    })
  })

  afterAll(() => proxied.close())

  /** The header and the first bytes of TLS leave together. */
  function behind(protocol: string): Promise<TLSSocket> {
    const raw = connectPlainly(proxied.port, proxied.host)
    raw.cork()
    raw.write(header)
    const secure = handshake({ socket: raw, ALPNProtocols: [protocol] }, proxied)
    setImmediate(() => {
      raw.uncork()
    })
    return secure
  }

  test('HTTP/1.1 over TLS knows the client', async () => {
    const link = proxied.sign('/files/a.txt', { ip: '192.0.2.7' })
    expect(statusesIn(await exchange(await behind('http/1.1'), get(link)))).toEqual([200])
    const other = proxied.sign('/files/a.txt', { ip: '192.0.2.8' })
    expect(statusesIn(await exchange(await behind('http/1.1'), get(other)))).toEqual([403])
  })

  test('HTTP/2 knows the client', async () => {
    const secure = await behind('h2')
    const session = connectHttp2(proxied.url, { createConnection: () => secure })
    const link = proxied.sign('/files/a.txt', { ip: '192.0.2.7' })
    const stream = session.request({ ':path': link })
    const status = await new Promise((resolve) =>
      stream.once('response', (headers) => {
        resolve(headers[':status'])
      }),
    )
    expect(status).toBe(200)
    session.destroy()
  })
})

test('a drain waits for no handshake that never ends', async () => {
  const draining = await startTestGateway({ config: { server: { tls: first, drainSeconds: 1 } } })
  const silent = connectPlainly(draining.port, draining.host)
  await new Promise((resolve) => silent.once('connect', resolve))
  const closed = new Promise((resolve) => silent.once('close', resolve))
  silent.on('error', () => {})
  const began = performance.now()
  await draining.close()
  await closed
  // the handshake alone would have had 10 s
  expect(performance.now() - began).toBeLessThan(9000)
})

test('a drain cuts what HTTP/2 still sends when its time is over', async () => {
  const origin = await GatedOrigin.start(Buffer.alloc(50))
  const draining = await startTestGateway({
    config: {
      server: { tls: first, drainSeconds: 1 },
      origins: { gated: { type: 'http', url: origin.url } },
    },
    routes: [{ path: '/gated/', origin: 'gated', schemes: ['sluice-hmac'] }],
  })
  const session = connectHttp2(draining.url, { rejectUnauthorized: false })
  session.on('error', () => {})
  const stream = session.request({ ':path': draining.sign('/gated/a.bin') })
  stream.on('error', () => {})
  await new Promise((resolve) => stream.once('response', resolve))
  const closed = new Promise((resolve) => stream.once('close', resolve))
  await draining.close({ keepDirectory: true })
  await closed
  const records = readFileSync(join(draining.directory, 'access.jsonl'), 'utf8')
  expect(records).toContain('"ended_by":"gateway"')
  rmSync(draining.directory, { recursive: true })
  await origin.stop()
})
