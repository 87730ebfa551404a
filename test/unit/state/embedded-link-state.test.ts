import { systemClock } from '../../../src/base/clock.ts'
import { openMemoryDatabase } from '../../../src/state/database.ts'
import { EmbeddedLinkState } from '../../../src/state/embedded-link-state.ts'
import { linkStateContract } from '../../contract/link-state-contract.ts'

linkStateContract('EmbeddedLinkState', () => {
  const database = openMemoryDatabase()
  const state = new EmbeddedLinkState(database, systemClock)
  return Promise.resolve({
    state,
    dispose: () => {
      database.close()
      return Promise.resolve()
    },
  })
})
