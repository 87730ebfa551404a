import { GatewayError } from '../base/failure.ts'
import { isUnfinished, type Task } from '../task/task.ts'
import type { TaskStore } from '../task/task-store.ts'
import type { ValkeyConnection } from './connection.ts'
import type { Script } from './script.ts'

/** How often a task that another node changes at the same time is read again. */
const MAX_TRIES = 20

/** ARGV: id, task. The score keeps the order of those of one second. */
const ADD: Script = {
  name: 'task-add',
  keys: 3,
  lua: `local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
local turn = (tonumber(last[2]) or 0) + 1
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], turn, ARGV[1])
redis.call('ZADD', KEYS[3], turn, ARGV[1])
return 1`,
}

/** ARGV: `ZRANGE` or `ZREVRANGE`. KEYS: the tasks, and the index that gives the order. */
const LIST: Script = {
  name: 'task-list',
  keys: 2,
  lua: `local found = {}
for _, id in ipairs(redis.call(ARGV[1], KEYS[2], 0, -1)) do
  local task = redis.call('HGET', KEYS[1], id)
  if task then found[#found + 1] = task end
end
return found`,
}

/** ARGV: id, task as it was read, task as it is to be. */
const SWAP: Script = {
  name: 'task-swap',
  keys: 1,
  lua: `if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`,
}

/** ARGV: id, task, its attempt or nothing, 1 as long as it is unfinished. */
const CHANGE: Script = {
  name: 'task-change',
  keys: 2,
  lua: `local before = redis.call('HGET', KEYS[1], ARGV[1])
if not before or (cjson.decode(before).attempt or '') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if ARGV[4] ~= '1' then redis.call('ZREM', KEYS[2], ARGV[1]) end
return 1`,
}

const REMOVE: Script = {
  name: 'task-remove',
  keys: 3,
  lua: `redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return 1`,
}

/** The tasks of all nodes. They share one hash tag: each call is one script. */
export class ValkeyTaskStore implements TaskStore {
  readonly #valkey: ValkeyConnection
  readonly #rows: string
  readonly #order: string
  readonly #unfinished: string

  constructor(valkey: ValkeyConnection) {
    this.#valkey = valkey
    this.#rows = `${valkey.prefix}{tasks}:rows`
    this.#order = `${valkey.prefix}{tasks}:order`
    this.#unfinished = `${valkey.prefix}{tasks}:unfinished`
  }

  async add(task: Task): Promise<void> {
    await this.#valkey.run(ADD, this.#keys, [task.id, JSON.stringify(task)])
  }

  async find(id: string): Promise<Task | undefined> {
    const row = await this.#row(id)
    return row === undefined ? undefined : taskOf(row)
  }

  async all(): Promise<Task[]> {
    return this.#list(this.#order, 'ZREVRANGE')
  }

  async unfinished(): Promise<Task[]> {
    return this.#list(this.#unfinished, 'ZRANGE')
  }

  async take(id: string, attempt: string): Promise<Task | undefined> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const before = await this.#row(id)
      if (before === undefined) return undefined
      const task = { ...taskOf(before), attempt }
      const args = [id, before, JSON.stringify(task)]
      if ((await this.#valkey.run(SWAP, [this.#rows], args)) === 1) return task
    }
    throw new GatewayError('ERR_STATE_UNAVAILABLE', 'a task changes faster than it is read')
  }

  async change(task: Task): Promise<boolean> {
    const args = [
      task.id,
      JSON.stringify(task),
      task.attempt ?? '',
      isUnfinished(task) ? 1 : 0,
    ] as const
    return (await this.#valkey.run(CHANGE, [this.#rows, this.#unfinished], args)) === 1
  }

  async remove(id: string): Promise<void> {
    await this.#valkey.run(REMOVE, this.#keys, [id])
  }

  get #keys(): [string, string, string] {
    return [this.#rows, this.#order, this.#unfinished]
  }

  async #row(id: string): Promise<string | undefined> {
    const row = await this.#valkey.command('HGET', this.#rows, id)
    return typeof row === 'string' ? row : undefined
  }

  async #list(index: string, command: 'ZRANGE' | 'ZREVRANGE'): Promise<Task[]> {
    const rows = await this.#valkey.run(LIST, [this.#rows, index], [command])
    return Array.isArray(rows) ? rows.map((row) => taskOf(String(row))) : []
  }
}

/** Only this class writes the rows, so their JSON is what it says. */
function taskOf(row: string): Task {
  return JSON.parse(row) as Task
}
