import { it } from 'vitest'
import { openMemoryDatabase } from '../../../src/state/database.ts'
import { ListEntries } from '../../../src/state/list-entries.ts'
import { entryStoreContract } from '../../contract/entry-store-contract.ts'

entryStoreContract(
  'ListEntries',
  () => {
    const database = openMemoryDatabase()
    return Promise.resolve({ open: () => Promise.resolve(new ListEntries(database)) })
  },
  it,
)
