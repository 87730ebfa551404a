import { systemClock } from '../../../src/base/clock.ts'
import type { ValkeyConnection } from '../../../src/valkey/connection.ts'
import { linkStateContract } from '../../contract/link-state-contract.ts'
import { needs } from '../../support/programs.ts'
import { SharedRedis } from '../../support/shared-redis.ts'
import { countingOn, linkStateOn } from '../../support/valkey-link-state.ts'

const redis = new SharedRedis()
let connection: ValkeyConnection | undefined

linkStateContract(
  'ValkeyLinkState',
  async () => {
    connection ??= await redis.connect()
    await countingOn(connection)
    const state = linkStateOn(connection, { clock: systemClock })
    return {
      state,
      dispose: () => state.close(),
    }
  },
  needs('redis-server', 'redis-cli'),
)
