import { afterAll } from 'vitest'
import { ValkeyConnection } from '../../src/valkey/connection.ts'
import { type RedisProcess, startRedis } from './redis.ts'
import { TEST_HOLD_MS } from './valkey.ts'

/**
 * A server for all tests of a file, started by the first that asks. Each state in it has a prefix.
 * What was opened is closed at the end.
 */
export class SharedRedis {
  readonly #connections: ValkeyConnection[] = []
  #redis: Promise<RedisProcess> | undefined
  #states = 0

  constructor() {
    afterAll(async () => {
      for (const connection of this.#connections) connection.close()
      await (await this.#redis)?.stop()
    })
  }

  /** A prefix that no other test of the file uses. */
  freshPrefix(): string {
    return `test${this.#states++}:`
  }

  /** A usable connection. */
  async connect(prefix = this.freshPrefix()): Promise<ValkeyConnection> {
    this.#redis ??= startRedis()
    const { url } = await this.#redis
    const connection = new ValkeyConnection({ url, prefix, holdMs: TEST_HOLD_MS })
    this.#connections.push(connection)
    if (await connection.ready(5000)) return connection
    throw new Error('the server cannot be used')
  }
}
