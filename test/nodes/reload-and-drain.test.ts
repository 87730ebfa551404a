import { connect } from 'node:net'
import { expect } from 'vitest'
import { eventually } from '../support/eventually.ts'
import {
  eachOf,
  expectTaken,
  expectWhole,
  type NodeProcess,
  hold,
  nodeProcessesForTest,
} from '../support/node-processes.ts'
import { send } from '../support/http-client.ts'
import { needs } from '../support/programs.ts'

const [FIRST, OTHER] = ['127.0.0.2', '127.0.0.3']
const OPEN = 300
const CLIENTS = 4
const PATIENCE_MS = 15_000

const RELOADS = [
  { what: 'good', server: { port: 0, drainSeconds: 61 } },
  { what: 'broken', server: { port: 0, drainSeconds: 'soon' } },
  { what: 'good', server: { port: 0, drainSeconds: 62 } },
  { what: 'broken', server: { port: 0, unknown: true } },
  { what: 'good', server: { port: 0, drainSeconds: 63 } },
] as const

const ANSWERS = { good: /is in force\n/g, broken: /the running configuration stays:\n/g }

/** A configuration is read again, and the node says what it made of it. */
async function reload(
  node: NodeProcess,
  { what, server }: (typeof RELOADS)[number],
): Promise<void> {
  const count = (): number => node.child.stderr.match(ANSWERS[what])?.length ?? 0
  const before = count()
  node.home.write('config/gateway.yaml', JSON.stringify({ ...node.config, server }))
  node.child.signal('SIGHUP')
  await eventually(`a ${what} configuration read`, () => count() === before + 1, PATIENCE_MS)
}

function isRefused({ host, port }: NodeProcess): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.on('error', () => {
      resolve(true)
    })
    socket.on('connect', () => {
      socket.destroy()
      resolve(false)
    })
  })
}

async function nodesSeenBy(node: NodeProcess): Promise<number> {
  const stats = (await (await node.admin('/v1/stats')).json()) as { nodes: unknown[] }
  return stats.nodes.length
}

const onRedis = needs('redis-server', 'redis-cli')

onRedis(
  'five reloads, good and broken in turn, break none of 300 downloads and refuse no new one',
  async () => {
    const { nodes, origin, links, fileLink } = await nodeProcessesForTest()
    const [node, other] = nodes
    const open = links(OPEN)
    const held = await hold(node, open, FIRST)

    const statuses: number[] = []
    const asking = new AbortController()
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (!asking.signal.aborted) statuses.push((await send(node, fileLink())).status)
    })
    for (const change of RELOADS) {
      const asked = statuses.length
      await reload(node, change)
      await eventually('asked meanwhile', () => statuses.length > asked + CLIENTS, PATIENCE_MS)
    }
    asking.abort()
    await Promise.all(clients)
    expect(statuses.filter((status) => status !== 200)).toEqual([])

    await expectTaken(other, open.slice(0, 20), OTHER)
    origin.release()
    await expectWhole(origin, held)
    expect(origin.pathsOver(1)).toEqual([])
  },
  90_000,
)

onRedis(
  'a node that drains ends 300 downloads whole, exits with 0 and leaves nothing taken and no name behind',
  async () => {
    const { nodes, origin, links } = await nodeProcessesForTest()
    const [node, other] = nodes
    await eventually('both known', async () => (await nodesSeenBy(other)) === 2, PATIENCE_MS)
    const open = links(OPEN)
    const held = await hold(node, open, FIRST)

    node.child.signal('SIGTERM')
    await eventually('draining', () => isRefused(node), PATIENCE_MS)
    expect(origin.open).toBe(OPEN)
    await expectTaken(other, open.slice(0, 20), OTHER)
    origin.release()
    await expectWhole(origin, held)
    expect((await node.child.ended).status).toBe(0)

    await eachOf(open, async ({ target }) => {
      expect((await send(other, target, { localAddress: OTHER })).status).toBe(200)
    })
    await eventually('alone', async () => (await nodesSeenBy(other)) === 1, PATIENCE_MS)
    expect(origin.pathsOver(1)).toEqual([])
  },
  90_000,
)
