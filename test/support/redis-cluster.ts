import { poll } from './child.ts'
import { freePort } from './free-port.ts'
import { type RedisOptions, type RedisProcess, startRedis } from './redis.ts'

/** A Cluster of masters without replicas. */
export interface ClusterSetup {
  readonly url: string
  readonly nodes: readonly RedisProcess[]
  stop(): Promise<void>
}

const SLOTS = 16_384

export async function startCluster(
  options: RedisOptions & { readonly masters?: number } = {},
): Promise<ClusterSetup> {
  const { masters = 3, ...server } = options
  const nodes: RedisProcess[] = []
  const buses: number[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()))
  }
  try {
    while (nodes.length < masters) {
      const bus = await freePort()
      buses.push(bus)
      nodes.push(await startRedis({ ...server, config: clusterLines(bus, server.config) }))
    }
    await Promise.all(nodes.map((node, i) => assign(node, i, masters)))
    const [first, ...others] = nodes
    for (const [i, { port }] of others.entries()) {
      await first?.cli('CLUSTER', 'MEET', '127.0.0.1', String(port), String(buses[i + 1]))
    }
    await Promise.all(nodes.map((node) => isComplete(node, masters)))
    const login = server.password === undefined ? '' : `:${encodeURIComponent(server.password)}@`
    const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')
    return { url: `redis+cluster://${login}${hosts}`, nodes, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function clusterLines(bus: number, more: readonly string[] = []): readonly string[] {
  return [
    'cluster-enabled yes',
    'cluster-config-file nodes.conf',
    `cluster-port ${bus}`,
    'cluster-node-timeout 1000',
    ...more,
  ]
}

/** Each node gets its part of the slots, and an epoch that no other node has. */
async function assign(node: RedisProcess, index: number, masters: number): Promise<void> {
  const from = Math.floor((SLOTS * index) / masters)
  const to = Math.floor((SLOTS * (index + 1)) / masters) - 1
  await node.cli('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to))
  await node.cli('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))
}

async function isComplete(node: RedisProcess, masters: number): Promise<void> {
  await poll(async () => {
    const info = await node.cli('CLUSTER', 'INFO')
    const isWhole = info.includes('cluster_state:ok') && info.includes(`cluster_size:${masters}`)
    return isWhole ? true : undefined
  })
}
