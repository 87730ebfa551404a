import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest'
import { run, startForTest } from '../support/child.ts'
import { accepts, freePort } from '../support/free-port.ts'
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts'
import { startNginx } from '../support/nginx.ts'
import { needs, program } from '../support/programs.ts'

interface Answer {
  readonly status: number
  readonly code: string | undefined
}

/** A GET by curl, from one of the addresses of this machine. */
async function get(url: string, from: string, ...flags: readonly string[]): Promise<Answer> {
  const args = ['-sS', '-o', '-', '-w', '\n%{http_code}', '--interface', from, ...flags, url]
  const { status, stdout, stderr } = await run(program('curl'), args)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const code = /"code":\s*"(\w+)"/.exec(stdout)?.[1]
  return { status: Number(stdout.slice(stdout.lastIndexOf('\n') + 1)), code }
}

const OK: Answer = { status: 200, code: undefined }
const WRONG_ADDRESS: Answer = { status: 403, code: 'address_not_allowed' }

function through(url: string, port: number): string {
  const moved = new URL(url)
  moved.port = String(port)
  return moved.href
}

describe('behind nginx, which is trusted', () => {
  let gateway: GatewayProcess

  beforeAll(async () => {
    gateway = await startGatewayProcess({ server: { trustedProxies: ['127.0.0.1/32'] } })
  })

  afterAll(async () => {
    await gateway.stop()
  })

  async function portOfNginx(): Promise<number> {
    const nginx = await startNginx(
      join(gateway.directory, 'nginx'),
      `location / {
        proxy_pass http://127.0.0.1:${gateway.port};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Connection "";
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_buffering off;
      }`,
    )
    onTestFinished(async () => {
      await nginx.stop()
    })
    return nginx.port
  }

  needs('nginx', 'curl')('a pinned link opens for its address and for no other', async () => {
    const link = await gateway.sign('/files/guide.pdf', '--ip', '127.0.0.2')
    const url = through(link, await portOfNginx())
    expect(await get(url, '127.0.0.2')).toEqual(OK)
    expect(await get(url, '127.0.0.3')).toEqual(WRONG_ADDRESS)
    const records = await gateway.records((all) => all.length >= 2)
    expect(records.slice(-2).map(({ client }) => client)).toEqual(['127.0.0.2', '127.0.0.3'])
  })

  needs('nginx', 'curl')('an address that the client wrote itself is not believed', async () => {
    const link = await gateway.sign('/files/guide.pdf', '--ip', '127.0.0.2')
    const url = through(link, await portOfNginx())
    const forged = ['-H', 'X-Forwarded-For: 127.0.0.2']
    expect(await get(url, '127.0.0.3', ...forged)).toEqual(WRONG_ADDRESS)
    // around the proxy
    expect(await get(link, '127.0.0.3', ...forged)).toEqual(WRONG_ADDRESS)
  })

  needs('nginx', 'curl')('a range comes through whole', async () => {
    const url = through(await gateway.sign('/files/demo.mp4'), await portOfNginx())
    const args = ['-sS', '-D-', '-o', '/dev/null', '-r', '1000-1999', url]
    const { stdout } = await run(program('curl'), args)
    expect(stdout).toMatch(/^HTTP\/1\.1 206 /)
    expect(stdout).toMatch(/^content-range: bytes 1000-1999\/\d+\r$/im)
  })
})

describe('behind a proxy that speaks the PROXY protocol', () => {
  let gateway: GatewayProcess

  beforeAll(async () => {
    gateway = await startGatewayProcess({
      server: { trustedProxies: ['127.0.0.1/32'], proxyProtocol: true },
    })
  })

  afterAll(async () => {
    await gateway.stop()
  })

  async function startHaproxy(send: string): Promise<number> {
    const port = await freePort()
    const file = join(gateway.directory, `haproxy-${port}.cfg`)
    writeFileSync(
      file,
      `defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen downloads
  bind 127.0.0.1:${port}
  server gateway 127.0.0.1:${gateway.port} ${send}
`,
    )
    const haproxy = startForTest(program('haproxy'), ['-f', file, '-db'])
    await haproxy.until(() => accepts(port))
    return port
  }

  for (const [version, send] of [
    ['1', 'send-proxy'],
    ['2', 'send-proxy-v2'],
  ] as const) {
    needs('haproxy', 'curl')(
      `a pinned link opens for its address and for no other (version ${version})`,
      async () => {
        const link = await gateway.sign('/files/guide.pdf', '--ip', '127.0.0.2')
        const url = through(link, await startHaproxy(send))
        expect(await get(url, '127.0.0.2')).toEqual(OK)
        expect(await get(url, '127.0.0.3')).toEqual(WRONG_ADDRESS)
      },
    )
  }

  needs('curl')('a peer that is not trusted speaks plain HTTP and is itself', async () => {
    const link = await gateway.sign('/files/guide.pdf', '--ip', '127.0.0.2')
    expect(await get(link, '127.0.0.2')).toEqual(OK)
    expect(await get(link, '127.0.0.3')).toEqual(WRONG_ADDRESS)
  })

  needs('curl')('a header that such a peer writes itself does not work', async () => {
    const link = await gateway.sign('/files/guide.pdf', '--ip', '127.0.0.2')
    const args = ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '--haproxy-protocol']
    const { stdout } = await run(program('curl'), [...args, '--interface', '127.0.0.3', link])
    expect(stdout).not.toBe('200')
  })
})
