import { expect, it } from 'vitest'
import { openMemoryDatabase } from '../../../src/state/database.ts'
import { SqliteFirstCalls } from '../../../src/state/sqlite-first-calls.ts'
import { firstCallsContract } from '../../contract/first-calls-contract.ts'

firstCallsContract(
  'SqliteFirstCalls',
  () => Promise.resolve(new SqliteFirstCalls(openMemoryDatabase())),
  it,
)

it('a call is forgotten only when it has an end, and at that end', async () => {
  const calls = new SqliteFirstCalls(openMemoryDatabase())
  await calls.at('endless', 100, undefined)
  await calls.at('ending', 100, 200)
  calls.prune(199)
  expect(await calls.at('ending', 300, 200)).toBe(100)
  calls.prune(200)
  expect(await calls.at('ending', 300, 200)).toBe(300)
  expect(await calls.at('endless', 300, undefined)).toBe(100)
})
