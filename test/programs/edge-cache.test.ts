import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { Child } from '../support/child.ts'
import { accepts, freePort } from '../support/free-port.ts'
import { type Reply, send, type SendOptions } from '../support/http-client.ts'
import { type JoseSigner, makeJoseSigner } from '../support/jose-links.ts'
import { runNginxSite } from '../support/nginx.ts'
import { needs } from '../support/programs.ts'
import { ROOT } from '../support/sluice.ts'
import { routePerPolicy, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const BODY = Buffer.from('what the link opens\n')
const it = needs('nginx')
const now = (): number => Math.floor(Date.now() / 1000)

let gateway: TestGateway
let jose: JoseSigner
let cache: Child | undefined
let port = 0

beforeAll(async () => {
  jose = await makeJoseSigner()
  gateway = await startTestGateway({
    files: { 'a.txt': BODY },
    keys: [jose.jwk],
    policies: {
      edge: { delivery: { cache: 'edge', edge: { marginSeconds: 1 } } },
      pages: { delivery: { cache: 'edge', cors: ['https://a.example', 'https://b.example'] } },
    },
    config: { server: { trustedProxies: ['127.0.0.1'] } },
    routes: [
      ...routePerPolicy(['default', 'edge', 'pages']),
      { path: '/jwt/', origin: 'library', policy: 'edge', schemes: ['sluice-jwt'] },
    ],
  })
})

afterAll(async () => {
  await cache?.stop()
  await gateway.close()
})

/** The example as it stands, but for its addresses and files. */
async function startCache(): Promise<void> {
  port = await freePort()
  const home = join(gateway.directory, 'nginx')
  mkdirSync(home)
  const site = readFileSync(join(ROOT, 'examples/edge-cache/nginx.conf'), 'utf8')
    .replace('127.0.0.1:8080', `127.0.0.1:${gateway.port}`)
    .replace('listen 80', `listen 127.0.0.1:${port}`)
    .replace('/var/cache/nginx/', `${home}/`)
    .replaceAll('/var/log/nginx/', `${home}/`)
  cache = runNginxSite(home, site)
  await cache.until(() => accepts(port))
}

async function ask(target: string, options?: SendOptions): Promise<Reply> {
  if (!cache) await startCache()
  return send({ host: '127.0.0.1', port }, target, options)
}

const seen = ({ status, headers }: Reply): [number, unknown] => [status, headers['x-cache-status']]

describe('a cache in front', () => {
  it('answers for the gateway, ranges too', async () => {
    const uri = gateway.sign('/edge/a.txt', { jti: 'kept' })
    expect(seen(await ask(uri))).toEqual([200, 'MISS'])
    const again = await ask(uri)
    expect([...seen(again), again.body]).toEqual([200, 'HIT', BODY])
    const part = await ask(uri, { headers: { range: 'bytes=5-7' } })
    expect([...seen(part), part.body.toString()]).toEqual([206, 'HIT', 'the'])
    expect(seen(await ask(uri, { method: 'HEAD' }))).toEqual([200, 'HIT'])
    await ask(gateway.sign('/default/a.txt', { jti: 'last' }))
    const records = await gateway.records(2)
    expect(records.filter(({ link_id }) => link_id === 'kept')).toHaveLength(1)
  })

  it('asks for every other link to the same object', async () => {
    await ask(gateway.sign('/edge/a.txt', { jti: 'one' }))
    expect(seen(await ask(gateway.sign('/edge/a.txt', { jti: 'two' })))).toEqual([200, 'MISS'])
    const forged = gateway.sign('/edge/a.txt', { jti: 'one' }).replace('jti=one', 'jti=two')
    expect((await ask(forged)).status).toBe(403)
    expect((await ask('/edge/a.txt')).status).toBe(401)
  })

  it('does not keep what is for one client, or was refused', async () => {
    for (const uri of [
      gateway.sign('/default/a.txt'),
      gateway.sign('/edge/a.txt', { ip: '127.0.0.1' }),
      gateway.sign('/edge/a.txt', { multi_use: 'true', subject: 'alice' }),
    ]) {
      for (let i = 0; i < 2; i++) expect(seen(await ask(uri))).toEqual([200, 'MISS'])
    }
    const late = gateway.sign('/edge/a.txt', { Expires: now() - 10 })
    for (let i = 0; i < 2; i++) expect(seen(await ask(late))).toEqual([410, 'MISS'])
  })

  it('does not give away what a token in a field opened', async () => {
    const headers = { authorization: `Bearer ${await jose.token('/jwt/a.txt')}` }
    expect((await ask('/jwt/a.txt', { headers })).status).toBe(200)
    expect((await ask('/jwt/a.txt')).status).toBe(401)
  })

  it('keeps one answer for each origin whose scripts may read it', async () => {
    const uri = gateway.sign('/pages/a.txt')
    const from = async (origin?: string): Promise<unknown> => {
      const { headers } = await ask(uri, origin === undefined ? {} : { headers: { origin } })
      return headers['access-control-allow-origin']
    }
    expect(await from()).toBeUndefined()
    for (let i = 0; i < 2; i++) {
      expect(await from('https://a.example')).toBe('https://a.example')
      expect(await from('https://b.example')).toBe('https://b.example')
      expect(await from('https://c.example')).toBeUndefined()
    }
  })

  it('keeps nothing beyond the end of its link', async () => {
    const end = now() + 5
    const uri = gateway.sign('/edge/a.txt', { Expires: end, jti: 'ends' })
    const answers: unknown[] = []
    for (;;) {
      const isOver = Date.now() >= end * 1000
      const reply = await ask(uri)
      answers.push(reply.headers['x-cache-status'])
      if (isOver) {
        expect(reply.status).toBe(410)
        break
      }
      if (Date.now() < end * 1000) expect(reply.status).toBe(200)
      await delay(100)
    }
    expect(answers).toContain('HIT')
  })
})
