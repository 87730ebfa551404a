import { expect, it } from 'vitest'
import { openMemoryDatabase } from '../../../src/state/database.ts'
import { SqliteIdempotency } from '../../../src/state/sqlite-idempotency.ts'
import { idempotencyContract } from '../../contract/idempotency-contract.ts'
import { NOW } from '../../support/request-parts.ts'

idempotencyContract(
  'SqliteIdempotency',
  () => Promise.resolve(new SqliteIdempotency(openMemoryDatabase())),
  it,
)

it('pruning drops what is a day old, and nothing else', async () => {
  const database = openMemoryDatabase()
  const store = new SqliteIdempotency(database)
  await store.keep('old', 'r', { status: 201, body: '{}' }, NOW)
  await store.keep('new', 'r', { status: 201, body: '{}' }, NOW + 1)
  store.prune(NOW + 86_400)
  expect(database.prepare('SELECT key FROM idempotency').all()).toEqual([{ key: 'new' }])
})
