import { onTestFinished } from 'vitest'
import type { ValkeyConnection } from '../../src/valkey/connection.ts'
import { Events } from '../../src/valkey/events.ts'
import { ReplicatedTable } from '../../src/valkey/replicated-table.ts'
import { valkeyForTest } from './valkey.ts'

/** A table of one node, over a connection of its own. */
export interface TestTable {
  readonly connection: ValkeyConnection
  readonly table: ReplicatedTable
  /** The rows that a follower was told of. */
  readonly rows: Map<string, string>
}

/** A table that follows the others of its name, unless it hears nothing of what they say. */
export async function tableForTest(
  url: string,
  { prefix = 'sluice:', isDeaf = false } = {},
): Promise<TestTable> {
  const connection = valkeyForTest(url, { prefix })
  const channel = `${prefix}${isDeaf ? 'nothing' : 'events'}`
  const listening = new Events(connection, channel)
  const table = new ReplicatedTable(connection, listening, 'test')
  const rows = new Map<string, string>()
  table.follow({
    put: (key, body) => rows.set(key, body),
    remove: (key) => rows.delete(key),
  })
  onTestFinished(() => {
    table.stop()
  })
  await connection.ready(5000)
  await listening.start()
  await table.start()
  return { connection, table, rows }
}
