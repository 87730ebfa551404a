import { digestText } from '../base/bytes.ts'
import type { EpochSeconds } from '../base/clock.ts'
import {
  type IdempotencyStore,
  KEEP_ANSWER_SECONDS,
  type KeptAnswer,
} from '../state/idempotency.ts'
import type { ValkeyConnection } from './connection.ts'
import type { Script } from './script.ts'

/** Arguments: request, status, body, now, seconds to keep. Gives what is kept: request, status, body. */
const KEEP_FIRST: Script = {
  name: 'keep-first',
  keys: 1,
  lua: `
local kept = redis.call('HMGET', KEYS[1], 'request', 'status', 'body', 'created')
if kept[4] and tonumber(kept[4]) > ARGV[4] - ARGV[5] then return { kept[1], kept[2], kept[3] } end
redis.call('HSET', KEYS[1], 'request', ARGV[1], 'status', ARGV[2], 'body', ARGV[3], 'created', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return false
`,
}

/** The kept answers of all nodes. */
export class ValkeyIdempotency implements IdempotencyStore {
  readonly #connection: ValkeyConnection

  constructor(connection: ValkeyConnection) {
    this.#connection = connection
  }

  async find(
    key: string,
    request: string,
    now: EpochSeconds,
  ): Promise<KeptAnswer | 'mismatch' | undefined> {
    const fields = ['request', 'status', 'body', 'created']
    const row = await this.#connection.command('HMGET', this.#keyOf(key), ...fields)
    const isKept = Array.isArray(row) && Number(row[3]) > now - KEEP_ANSWER_SECONDS
    return isKept ? answerIn(row, request) : undefined
  }

  async keep(
    key: string,
    request: string,
    answer: KeptAnswer,
    now: EpochSeconds,
  ): Promise<KeptAnswer | 'mismatch'> {
    const args = [request, answer.status, answer.body, now, KEEP_ANSWER_SECONDS]
    const first = await this.#connection.run(KEEP_FIRST, [this.#keyOf(key)], args)
    return Array.isArray(first) ? answerIn(first, request) : answer
  }

  /** A key is the caller's own text, and its hash tag must not be. */
  #keyOf(key: string): string {
    return `${this.#connection.prefix}answer:{${digestText(key)}}`
  }
}

function answerIn(row: readonly unknown[], request: string): KeptAnswer | 'mismatch' {
  if (row[0] !== request) return 'mismatch'
  return { status: Number(row[1]), body: String(row[2]) }
}
