import type { NodeInfo } from '../state/live-view.ts'
import type { ValkeyConnection } from './connection.ts'
import type { Script } from './script.ts'

const BEAT_MS = 1500
const LIFE_MS = 4500

/** Keys: seen, facts. Arguments: id, life in ms, facts. Gives the facts of all nodes that are alive. */
const NODE_BEAT: Script = {
  name: 'node-beat',
  keys: 2,
  lua: `
local seen, facts, id, life = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', now - life)) do
  redis.call('ZREM', seen, gone)
  redis.call('HDEL', facts, gone)
end
redis.call('ZADD', seen, now, id)
redis.call('HSET', facts, id, ARGV[3])
return redis.call('HVALS', facts)
`,
}

/** Keys: seen, facts. Arguments: id. */
const NODE_LEAVE: Script = {
  name: 'node-leave',
  keys: 2,
  lua: `
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('HDEL', KEYS[2], ARGV[1])
`,
}

/** The nodes that share a state. One that says nothing for 4.5 s by the server's clock is gone. */
export class NodeRegistry {
  readonly #connection: ValkeyConnection
  readonly #self: () => NodeInfo
  readonly #keys: readonly [string, string]
  #others: readonly NodeInfo[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(connection: ValkeyConnection, self: () => NodeInfo) {
    this.#connection = connection
    this.#self = self
    this.#keys = [`${connection.prefix}{nodes}:seen`, `${connection.prefix}{nodes}:facts`]
  }

  /** Says that this node is here, and again each 1.5 s. Fails when the state cannot be reached. */
  async join(): Promise<void> {
    this.#timer = setInterval(() => {
      // a beat that is lost is made up for by the next
      this.beat().catch(() => undefined)
    }, BEAT_MS)
    await this.beat()
  }

  async beat(): Promise<void> {
    const self = this.#self()
    const args = [self.id, LIFE_MS, JSON.stringify(self)]
    const facts = await this.#connection.run(NODE_BEAT, this.#keys, args)
    if (!Array.isArray(facts)) return
    const nodes = facts.map((text) => JSON.parse(String(text)) as NodeInfo)
    this.#others = nodes.filter(({ id }) => id !== self.id)
  }

  /** This node first, the others as they were at its last beat. */
  list(): readonly NodeInfo[] {
    return [this.#self(), ...this.#others]
  }

  async leave(): Promise<void> {
    clearInterval(this.#timer)
    await this.#connection.run(NODE_LEAVE, this.#keys, [this.#self().id])
  }
}
