import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { Child } from '../support/child.ts'
import { accepts, freePort } from '../support/free-port.ts'
import { type Reply, send, type SendOptions } from '../support/http-client.ts'
import { type JoseSigner, makeJoseSigner } from '../support/jose-links.ts'
import { runNginxSite } from '../support/nginx.ts'
import { needs, program, type ProgramName } from '../support/programs.ts'
import { ROOT } from '../support/sluice.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const EXAMPLES = join(ROOT, 'examples/forward-auth')
const BODY = 'what the link opens\n'

let gateway: TestGateway
let jose: JoseSigner
let home: string

/** A server that gives away whatever it is asked for, as the one behind a proxy does. */
const behind = createServer((request, response) => {
  const isThere = request.url?.startsWith('/files/a.txt') ?? false
  response.writeHead(isThere ? 200 : 404).end(isThere ? BODY : '')
})

beforeAll(async () => {
  jose = await makeJoseSigner()
  gateway = await startTestGateway({
    files: { 'a.txt': BODY, 'secret.txt': 'secret' },
    keys: [jose.jwk],
  })
  home = join(gateway.directory, 'proxies')
  mkdirSync(home)
  await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve))
})

afterAll(async () => {
  behind.close()
  await gateway.close()
})

/** An example as it stands, but for the addresses, files and token of this test. */
function example(name: string, replaced: Readonly<Record<string, string>>): string {
  let text = readFileSync(join(EXAMPLES, name), 'utf8')
  for (const [from, to] of Object.entries(replaced)) {
    if (!text.includes(from)) throw new Error(`${name} has no ${from}`)
    text = text.replaceAll(from, to)
  }
  return text
}

const adminAddress = (): string => gateway.adminUrl.replace('http://', '')

/** Each starts a proxy on a port, by its example. */
const PROXIES: Partial<Record<ProgramName, (port: number) => Child>> = {
  nginx(port) {
    const site = example('nginx.conf', {
      '127.0.0.1:8081': adminAddress(),
      'listen 80': `listen 127.0.0.1:${port}`,
      ADMIN_TOKEN: gateway.adminToken,
      '/var/log/nginx/': `${home}/`,
      '/srv/library/': `${gateway.root}/`,
    })
    return runNginxSite(home, site)
  },
  haproxy(port) {
    const file = join(home, 'haproxy.cfg')
    const { port: behindPort } = behind.address() as AddressInfo
    writeFileSync(
      file,
      example('haproxy.cfg', {
        '/etc/haproxy/sluice.lua': join(EXAMPLES, 'sluice.lua'),
        'bind :80': `bind 127.0.0.1:${port}`,
        '127.0.0.1:9000': `127.0.0.1:${behindPort}`,
      }),
    )
    const env = {
      ...process.env,
      SLUICE_ADMIN: gateway.adminUrl,
      SLUICE_TOKEN: gateway.adminToken,
    }
    return new Child(program('haproxy'), ['-db', '-f', file], { env })
  },
  caddy(port) {
    const file = join(home, 'Caddyfile')
    const site = example('Caddyfile', {
      'downloads.example.com': `http://:${port}`,
      '127.0.0.1:8081': adminAddress(),
      '/srv/library': gateway.root,
    })
    writeFileSync(file, `{\n\tadmin off\n}\n${site}`)
    const env = {
      ...process.env,
      SLUICE_TOKEN: gateway.adminToken,
      XDG_DATA_HOME: home,
      XDG_CONFIG_HOME: home,
    }
    return new Child(program('caddy'), ['run', '--adapter', 'caddyfile', '--config', file], { env })
  },
}

const NAMES = Object.keys(PROXIES) as ProgramName[]
const NGINX_LOGS = ['downloads.log', 'downloads-errors.log', 'nginx-errors.log']

describe.each(NAMES)('the example of %s', (name) => {
  const it = needs(name)
  let proxy: Child | undefined
  let port = 0

  async function ask(target: string, options: SendOptions = {}): Promise<Reply> {
    if (!proxy) {
      port = await freePort()
      proxy = PROXIES[name]?.(port)
      await proxy?.until(() => accepts(port))
    }
    return send({ host: '127.0.0.1', port }, target, options)
  }

  afterAll(async () => {
    await proxy?.stop()
  })

  const link = (more: Record<string, string> = {}): string => gateway.sign('/files/a.txt', more)

  it('lets in whose link opens the path', async () => {
    const { status, body } = await ask(link())
    expect([status, body.toString()]).toEqual([200, BODY])
    expect((await ask(link(), { method: 'HEAD' })).status).toBe(200)
  })

  it('refuses whose link does not, and who has none', async () => {
    expect((await ask('/files/a.txt')).status).toBe(401)
    expect((await ask(link().replace('/a.txt', '/secret.txt'))).status).toBe(403)
    expect((await ask(link({ Expires: '1000000000' }))).status).toBe(403)
    // what a proxy that delivers cannot count
    expect((await ask(link({ multi_use: 'false' }))).status).toBe(403)
    expect((await ask('/elsewhere/a.txt')).status).not.toBe(200)
  })

  it('refuses other methods', async () => {
    for (const method of ['DELETE', 'PUT', 'OPTIONS']) {
      const headers = { 'x-original-method': 'GET', 'x-forwarded-method': 'GET' }
      expect((await ask(link(), { method, headers })).status).toBe(403)
    }
  })

  it('takes a link from the Authorization of the client', async () => {
    const headers = { authorization: `Bearer ${await jose.token('/files/a.txt')}` }
    expect((await ask('/files/a.txt', { headers })).status).toBe(200)
    expect((await ask('/files/secret.txt', { headers })).status).toBe(403)
  })

  it('asks about the request that it answers, whatever the client writes', async () => {
    const open = link()
    for (const headers of [
      { 'x-original-uri': open, 'x-original-method': 'GET' },
      { 'x-forwarded-uri': open, 'x-forwarded-method': 'GET' },
      { 'x-sluice-token': 'x', authorization: `Bearer ${gateway.adminToken}` },
    ]) {
      expect([401, 403]).toContain((await ask('/files/secret.txt', { headers })).status)
    }
    const headers = { 'x-sluice-token': 'x', 'x-sluice-reason': 'x' }
    expect((await ask(open, { headers })).status).toBe(200)
  })

  it('refuses paths that have two readings', async () => {
    const query = link().replace(/^[^?]*/, '')
    for (const path of ['/files/../files/a.txt', '/files//a.txt', '/files/b/..%2fa.txt']) {
      expect((await ask(path + query)).status).toBeGreaterThanOrEqual(400)
    }
  })

  it('tells who the client is, whatever the client writes', async () => {
    const pinned = link({ ip: '127.0.0.2' })
    expect((await ask(pinned, { localAddress: '127.0.0.2' })).status).toBe(200)
    const headers = {
      'x-forwarded-for': '127.0.0.2',
      'x-envoy-external-address': '127.0.0.2',
    }
    const options = { localAddress: '127.0.0.3', headers }
    expect((await ask(pinned, options)).status).toBe(403)
    const forwarded = { headers: { forwarded: 'for=127.0.0.2' }, localAddress: '127.0.0.3' }
    expect((await ask(pinned, forwarded)).status).toBe(403)
  })

  it('logs no link', async () => {
    await ask(link())
    const files = name === 'nginx' ? NGINX_LOGS.map(read) : []
    const logs = [proxy?.stdout, proxy?.stderr, ...files]
    expect(logs.join('\n')).not.toContain('Signature')
  })
})

const read = (name: string): string => readFileSync(join(home, name), 'utf8')

/** What Debian does not have is read here; `test/http/decision.test.ts` sends what they send. */
describe('the examples of Traefik and Envoy', () => {
  const load = (name: string): unknown => parse(readFileSync(join(EXAMPLES, name), 'utf8'))

  test('Traefik asks the endpoint, before the service, and believes nobody else', () => {
    expect(load('traefik.yaml')).toMatchObject({
      http: {
        routers: { downloads: { middlewares: ['sluice-token', 'sluice', 'without-token'] } },
        middlewares: {
          'sluice-token': {
            headers: { customRequestHeaders: { 'X-Sluice-Token': 'ADMIN_TOKEN' } },
          },
          sluice: {
            forwardAuth: {
              address: 'http://127.0.0.1:8081/v1/decision',
              trustForwardHeader: false,
            },
          },
          'without-token': { headers: { customRequestHeaders: { 'X-Sluice-Token': '' } } },
        },
      },
    })
  })

  test('Envoy asks the endpoint, before the router, and takes a failure for a no', () => {
    const text = JSON.stringify(load('envoy.yaml'))
    expect(text).toContain('"failure_mode_allow":false')
    expect(text).toContain('"path_prefix":"/v1/decision"')
    expect(text.indexOf('ext_authz')).toBeLessThan(text.indexOf('filters.http.router'))
    expect(text).toContain(
      '{"key":"x-envoy-external-address","value":"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}',
    )
  })
})
