import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, onTestFinished } from 'vitest'
import type { ValkeyConnection } from '../../../src/valkey/connection.ts'
import { Events } from '../../../src/valkey/events.ts'
import { ReplicatedTable } from '../../../src/valkey/replicated-table.ts'
import { ValkeyFirstCalls } from '../../../src/valkey/valkey-first-calls.ts'
import { ValkeyIdempotency } from '../../../src/valkey/valkey-idempotency.ts'
import { ValkeyListEntries } from '../../../src/valkey/valkey-list-entries.ts'
import { ValkeyRevocations } from '../../../src/valkey/valkey-revocations.ts'
import { entryStoreContract } from '../../contract/entry-store-contract.ts'
import { firstCallsContract } from '../../contract/first-calls-contract.ts'
import { idempotencyContract } from '../../contract/idempotency-contract.ts'
import { revocationStoreContract } from '../../contract/revocation-store-contract.ts'
import { needs } from '../../support/programs.ts'
import { type RedisProcess, startRedis } from '../../support/redis.ts'
import { valkeyForTest } from '../../support/valkey.ts'

const withRedis = needs('redis-server', 'redis-cli')

let redis: RedisProcess | undefined

afterAll(() => redis?.stop())

async function connect(prefix = `${randomUUID()}:`): Promise<ValkeyConnection> {
  redis ??= await startRedis()
  const connection = valkeyForTest(redis.url, { prefix })
  await connection.ready(5000)
  return connection
}

/** Each store over a table and a connection of its own, as on a node of its own. */
function nodes<Store>(
  build: (table: ReplicatedTable) => Store,
): () => Promise<{ readonly open: () => Promise<Store> }> {
  return () => {
    const prefix = `${randomUUID()}:`
    const open = async (): Promise<Store> => {
      const connection = await connect(prefix)
      const events = new Events(connection)
      const table = new ReplicatedTable(connection, events, 'test')
      onTestFinished(() => {
        table.stop()
      })
      await events.start()
      await table.start()
      return build(table)
    }
    return Promise.resolve({ open })
  }
}

revocationStoreContract(
  'ValkeyRevocations',
  nodes((table) => new ValkeyRevocations(table)),
  withRedis,
)
entryStoreContract(
  'ValkeyListEntries',
  nodes((table) => new ValkeyListEntries(table)),
  withRedis,
)
idempotencyContract(
  'ValkeyIdempotency',
  async () => new ValkeyIdempotency(await connect()),
  withRedis,
)
firstCallsContract('ValkeyFirstCalls', async () => new ValkeyFirstCalls(await connect()), withRedis)

describe('what is kept for a time', () => {
  withRedis('is forgotten by the server: first calls a minute after their end', async () => {
    const connection = await connect('calls:')
    const now = Math.floor(Date.now() / 1000)
    const calls = new ValkeyFirstCalls(connection)
    await calls.at('a', now, now + 100)
    const [key] = (await connection.command('KEYS', 'calls:first:*')) as [string]
    expect(await connection.command('EXPIRETIME', key)).toBe(now + 160)
  })

  withRedis('is forgotten by the server: answers after a day', async () => {
    const connection = await connect('answers:')
    await new ValkeyIdempotency(connection).keep('k', 'r', { status: 201, body: '{}' }, 1000)
    const [key] = (await connection.command('KEYS', 'answers:answer:*')) as [string]
    expect(Number(await connection.command('TTL', key))).toBeGreaterThan(86_000)
  })
})
