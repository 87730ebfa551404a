import { Cluster, type Redis } from 'ioredis'
import { type Client, COMMAND_TIMEOUT_MS } from './client.ts'
import { within } from './failure.ts'
import { evaluate, type Script } from './script.ts'

/** Less than leases live without a heartbeat, so a gap that may have cost leases is seen. */
const PULSE_MS = 3000
/** Two heartbeats: time for every node to write its open leases back. */
export const HOLD_MS = 4000

/** It writes each time: a server that answers but takes no writes cannot count. */
const HELLO: Script = {
  name: 'hello',
  keys: 3,
  lua: `
local epoch, hold, pulse = KEYS[1], KEYS[2], KEYS[3]
local known = redis.call('GETSET', epoch, ARGV[1])
local beats = redis.call('EXISTS', pulse) == 1
redis.call('SET', pulse, 1, 'PX', ARGV[2])
if known == ARGV[1] and (beats or ARGV[4] == 'first') then return 0 end
redis.call('SET', hold, 1, 'PX', ARGV[3])
return 1
`,
}

/** Where a state keeps whether it is the one that it was. */
export interface HelloKeys {
  readonly epoch: string
  /** Stands while counts may be wrong. */
  readonly hold: string
  /** Expires when no node said hello for so long that leases may have expired. */
  readonly pulse: string
}

export function helloKeys(prefix: string): HelloKeys {
  const name = `${prefix}{epoch}`
  return { epoch: name, hold: `${name}:hold`, pulse: `${name}:pulse` }
}

/**
 * Compares the running servers with those that the state was counted by. A server that restarted or
 * took over may have lost leases: then admissions are held until the nodes wrote theirs back. Gives
 * the epoch. The first hello of a process has no leases that a gap could have cost.
 */
export async function sayHello(
  client: Client,
  keys: HelloKeys,
  terms: { readonly isFirst: boolean; readonly holdMs: number },
): Promise<string> {
  const epoch = await within(
    COMMAND_TIMEOUT_MS,
    client instanceof Cluster ? clusterRunId(client) : runIdOf(client),
  )
  const { isFirst, holdMs } = terms
  const args = [epoch, PULSE_MS, holdMs, isFirst ? 'first' : 'again']
  await within(
    COMMAND_TIMEOUT_MS,
    evaluate(client, HELLO, [keys.epoch, keys.hold, keys.pulse], args),
  )
  return epoch
}

/** A Cluster of which a part is not reached counts for some links only, so it counts for none. */
async function clusterRunId(cluster: Cluster): Promise<string> {
  const masters = cluster.nodes('master')
  const reached = new Set(masters.map(({ options }) => `${options.host}:${options.port}`))
  if (!cluster.slots.every(([master = '']) => reached.has(master))) {
    cluster.refreshSlotsCache()
    throw new Error('a master of the Cluster is not reached')
  }
  const [ids, states] = await Promise.all([
    Promise.all(masters.map(runIdOf)),
    Promise.all(masters.map((master) => master.cluster('INFO'))),
  ])
  if (!states.every((state) => state.includes('cluster_state:ok')))
    throw new Error('CLUSTERDOWN says a node of the Cluster')
  return ids.toSorted().join(',')
}

async function runIdOf(server: Redis): Promise<string> {
  const id = /^run_id:([0-9a-f]+)\r?$/m.exec(await server.info('server'))?.[1]
  if (id === undefined) throw new Error('INFO names no run_id')
  return id
}
