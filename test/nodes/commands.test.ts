import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { cliFolder } from '../support/cli-folder.ts'
import { freePort } from '../support/free-port.ts'
import { send } from '../support/http-client.ts'
import { needs } from '../support/programs.ts'
import { redisForTest } from '../support/redis.ts'
import { startNodes, type TestNodes } from '../support/test-nodes.ts'

const withRedis = needs('redis-server', 'redis-cli')
const NOWHERE = ['--set', 'state.driver=valkey', '--set', 'state.url=redis://127.0.0.1:1']

async function nodesForTest(): Promise<TestNodes> {
  const { url } = await redisForTest()
  const nodes = await startNodes({
    url,
    files: { 'a.mp4': 'content' },
    policies: { pirated: { networks: { block: ['pirates'] } } },
    config: { lists: { pirates: {} }, apis: { origin: 'library', elytron: {} } },
    routes: [
      { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
      { path: '/pirated/', origin: 'library', policy: 'pirated', schemes: ['sluice-hmac'] },
    ],
  })
  onTestFinished(() => nodes.close())
  return nodes
}

/** A command on the configuration of the second node, whose own directory holds nothing of this. */
async function runBeside({ b }: TestNodes, ...args: readonly string[]) {
  return cliFolder().run([...args, '-c', join(b.directory, 'config/gateway.yaml')])
}

withRedis(
  'inspect knows what was used, revoked and listed on any node',
  async () => {
    const nodes = await nodesForTest()
    const { a } = nodes
    const oneTime = a.sign('/files/a.mp4', { jti: 'once', multi_use: 'false' })
    const revoked = a.sign('/files/a.mp4', { jti: 'withdrawn' })
    const listed = a.sign('/pirated/a.mp4', { jti: 'listed' })
    const asPirate = ['--as-ip', '203.0.113.7']
    const before = await Promise.all(
      [oneTime, revoked, listed].map((link) => runBeside(nodes, 'inspect', link, ...asPirate)),
    )
    expect(before.map(({ status }) => status)).toEqual([0, 0, 0])
    expect((await send(a, oneTime)).status).toBe(200)
    await a.admin('/v1/revocations', { method: 'POST', body: { link_id: 'withdrawn' } })
    await a.admin('/v1/lists/pirates/203.0.113.0%2F24', { method: 'PUT' })
    for (const [link, code] of [
      [oneTime, 'link_used'],
      [revoked, 'link_revoked'],
      [listed, 'network_blocked'],
    ] as const) {
      const { status, stdout } = await runBeside(nodes, 'inspect', link, ...asPirate)
      expect(stdout).toContain(code)
      expect(status).toBe(1)
    }
  },
  60_000,
)

withRedis(
  'assets scan adds to the catalogue of all nodes, and list shows it',
  async () => {
    const nodes = await nodesForTest()
    const scanned = await runBeside(nodes, 'assets', 'scan', 'library')
    expect(scanned.stdout).toBe('2 added, 0 known\n')
    const { stdout } = await runBeside(nodes, 'assets', 'list', '--json')
    const assets = JSON.parse(stdout) as { id: string; object: string }[]
    expect(assets.map(({ object }) => object).toSorted()).toEqual(['a.mp4', 'ready.txt'])
    const id = assets.find(({ object }) => object === 'a.mp4')?.id
    const target = nodes.a.sign(`/assets/${id}/original/a.mp4`)
    expect((await send(nodes.a, target)).body.toString()).toBe('content')
  },
  60_000,
)

test('commands say that the shared state does not answer, and look nowhere else', async () => {
  const folder = cliFolder()
  for (const command of [
    ['inspect', '/files/sample.mp4?x'],
    ['assets', 'list'],
    ['assets', 'scan', 'library'],
  ]) {
    const { status, stdout, stderr } = await folder.run([...command, ...NOWHERE])
    expect(stderr).toMatch(/^the shared state does not answer/)
    expect(stdout).toBe('')
    expect(status).toBe(2)
  }
}, 60_000)

withRedis(
  'a gateway that cannot reach its state says so and ends within seconds',
  async () => {
    const redis = await redisForTest()
    for (const prepare of [
      async () => `redis://127.0.0.1:${await freePort()}`,
      async () => {
        redis.pause()
        return redis.url
      },
    ]) {
      const url = await prepare()
      const began = performance.now()
      const { status, stderr } = await cliFolder().run([
        ...['serve', '--set', 'state.driver=valkey', '--set', `state.url=${url}`],
      ])
      expect(performance.now() - began).toBeLessThan(20_000)
      expect(stderr).toContain('the shared state does not answer')
      expect(status).toBe(1)
    }
    redis.resume()
  },
  60_000,
)
