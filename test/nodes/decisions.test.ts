import { expect, onTestFinished } from 'vitest'
import { send } from '../support/http-client.ts'
import { needs } from '../support/programs.ts'
import { redisForTest } from '../support/redis.ts'
import { routePerPolicy, type TestGateway } from '../support/test-gateway.ts'
import { startNodes } from '../support/test-nodes.ts'

const POLICIES = {
  pinned: { address: { pin: 'first-use' } },
  sharing: { antiFraud: { default: true, sharing: { maxNetworks: 1 } } },
}

/** What a gateway tells a proxy that asks for a client. */
async function decisionOf(gateway: TestGateway, uri: string, client: string): Promise<unknown> {
  const { hostname, port } = new URL(gateway.adminUrl)
  const { status, headers } = await send({ host: hostname, port: Number(port) }, '/v1/decision', {
    headers: {
      'x-sluice-token': gateway.adminToken,
      'x-original-uri': uri,
      'x-original-method': 'GET',
      'x-forwarded-for': client,
    },
  })
  return headers['x-sluice-reason'] ?? status
}

needs('redis-server', 'redis-cli')(
  'a yes on one node pins a link and counts its network on the other',
  async () => {
    const { url } = await redisForTest()
    const nodes = await startNodes({
      url,
      files: { 'a.txt': 'object' },
      policies: POLICIES,
      config: { server: { trustedProxies: ['127.0.0.1'] } },
      routes: [
        { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
        ...routePerPolicy(Object.keys(POLICIES)),
      ],
    })
    onTestFinished(() => nodes.close())
    const { a, b } = nodes
    const [home, away] = ['198.51.100.1', '203.0.113.1']
    for (const [policy, code] of [
      ['pinned', 'address_not_allowed'],
      ['sharing', 'link_shared'],
    ] as const) {
      const uri = a.sign(`/${policy}/a.txt`, { jti: policy })
      expect(await decisionOf(a, uri, home)).toBe(204)
      expect(await decisionOf(b, uri, away)).toBe(code)
      expect(await decisionOf(b, uri, home)).toBe(204)
      // and who downloads here is judged by what was decided there
      const download = (client: string) => send(b, uri, { headers: { 'x-forwarded-for': client } })
      expect((await download(away)).status).toBe(403)
      expect((await download(home)).status).toBe(200)
    }
  },
  60_000,
)
