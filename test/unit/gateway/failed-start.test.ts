import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listen } from '../../../src/gateway/listeners.ts'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'
import { needs } from '../../support/programs.ts'
import { redisForTest } from '../../support/redis.ts'
import { startTestGateway, type TestGatewayOptions } from '../../support/test-gateway.ts'

const withRedis = needs('redis-server', 'redis-cli')

/** A port that somebody else listens on. */
async function takenPort(): Promise<number> {
  const server = createServer()
  await listen(server, '127.0.0.1', 0)
  onTestFinished(() => {
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** Timers and sockets that keep this process alive. */
function keptAlive(): number {
  return process.getActiveResourcesInfo().length
}

async function expectNothingLeft(options: TestGatewayOptions, why: RegExp): Promise<void> {
  const before = keptAlive()
  await expect(startTestGateway(options)).rejects.toThrow(why)
  await eventually('nothing is left', () => keptAlive() <= before)
}

describe('a start that fails leaves nothing behind', () => {
  it('when the admin port is taken: the public port is free again', async () => {
    const port = await freePort()
    const config = { server: { port }, admin: { port: await takenPort() } }
    await expectNothingLeft({ config }, /EADDRINUSE/)
    const again = createServer()
    await listen(again, '127.0.0.1', port)
    again.close()
  })

  it('when the access log cannot be opened', async () => {
    const config = { records: { access: '/dev/null/access.jsonl' } }
    await expectNothingLeft({ config }, /\/dev\/null/)
  })

  withRedis('in the shared state: no connection and no node', async () => {
    const redis = await redisForTest()
    const state = { driver: 'valkey', url: redis.url }
    await expectNothingLeft({ config: { state, admin: { port: await takenPort() } } }, /EADDRINUSE/)
    expect(await redis.cli('CLIENT', 'LIST')).not.toContain('name=sluice')
  })

  withRedis('when the directory of a node is none', async () => {
    const redis = await redisForTest()
    const state = { driver: 'valkey', url: redis.url, directory: '/dev/null' }
    await expectNothingLeft({ config: { state } }, /\/dev\/null/)
    expect(await redis.cli('CLIENT', 'LIST')).not.toContain('name=sluice')
  })

  it('when the shared state does not answer', async () => {
    const state = { driver: 'valkey', url: `redis://127.0.0.1:${await freePort()}` }
    await expectNothingLeft({ config: { state } }, /the shared state does not answer/)
  })
})
