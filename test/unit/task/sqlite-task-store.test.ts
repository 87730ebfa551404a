import { it } from 'vitest'
import { openMemoryDatabase } from '../../../src/state/database.ts'
import { SqliteTaskStore } from '../../../src/task/sqlite-task-store.ts'
import { taskStoreContract } from '../../contract/task-store-contract.ts'

taskStoreContract(
  'SqliteTaskStore',
  async () => {
    const database = openMemoryDatabase()
    return {
      store: new SqliteTaskStore(database),
      dispose: async () => {
        database.close()
      },
    }
  },
  it,
)
