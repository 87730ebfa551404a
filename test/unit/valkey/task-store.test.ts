import { ValkeyTaskStore } from '../../../src/valkey/task-store.ts'
import { taskStoreContract } from '../../contract/task-store-contract.ts'
import { needs } from '../../support/programs.ts'
import { SharedRedis } from '../../support/shared-redis.ts'

const redis = new SharedRedis()

taskStoreContract(
  'ValkeyTaskStore',
  async () => {
    const connection = await redis.connect()
    return {
      store: new ValkeyTaskStore(connection),
      dispose: async () => {
        connection.close()
      },
    }
  },
  needs('redis-server', 'redis-cli'),
)
