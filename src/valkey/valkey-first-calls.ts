import { digestText } from '../base/bytes.ts'
import type { EpochSeconds } from '../base/clock.ts'
import type { FirstCalls } from '../state/first-calls.ts'
import type { ValkeyConnection } from './connection.ts'
import type { Script } from './script.ts'

/** A node whose clock is behind that of the server still finds what is over by the server's. */
const CLOCK_SKEW_SECONDS = 60

const FIRST_CALL: Script = {
  name: 'first-call',
  keys: 1,
  lua: `
local first = redis.call('GET', KEYS[1])
if first then return first end
if ARGV[2] == '' then redis.call('SET', KEYS[1], ARGV[1])
else redis.call('SET', KEYS[1], ARGV[1], 'EXAT', ARGV[2]) end
return ARGV[1]
`,
}

/** The first calls of all nodes. The server forgets those that are over. */
export class ValkeyFirstCalls implements FirstCalls {
  readonly #connection: ValkeyConnection

  constructor(connection: ValkeyConnection) {
    this.#connection = connection
  }

  async at(
    call: string,
    now: EpochSeconds,
    expires: EpochSeconds | undefined,
  ): Promise<EpochSeconds> {
    const key = `${this.#connection.prefix}first:{${digestText(call)}}`
    const forgotten = expires === undefined ? '' : expires + CLOCK_SKEW_SECONDS
    return Number(await this.#connection.run(FIRST_CALL, [key], [now, forgotten]))
  }
}
