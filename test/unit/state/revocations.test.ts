import { describe, expect, it, vi } from 'vitest'
import { openMemoryDatabase } from '../../../src/state/database.ts'
import { RevocationList, type RevocationStore } from '../../../src/state/revocations.ts'
import { SqliteRevocations } from '../../../src/state/sqlite-revocations.ts'
import { revocationStoreContract } from '../../contract/revocation-store-contract.ts'
import { NOW } from '../../support/request-parts.ts'

revocationStoreContract(
  'SqliteRevocations',
  () => {
    const database = openMemoryDatabase()
    return Promise.resolve({ open: () => Promise.resolve(new SqliteRevocations(database)) })
  },
  it,
)

class BrokenStore implements RevocationStore {
  follow(): void {
    // nothing is kept
  }

  put(): Promise<void> {
    return Promise.reject(new Error('no state'))
  }

  remove(): Promise<void> {
    return Promise.reject(new Error('no state'))
  }
}

describe('a list whose store fails', () => {
  it('says so to who waits, and revokes nothing', async () => {
    const list = new RevocationList(new BrokenStore())
    await expect(list.add({ kid: 'k' }, NOW)).rejects.toThrow('no state')
    expect(list.list()).toEqual([])
  })

  it('reports what nobody waits for', async () => {
    const onFailure = vi.fn<(error: unknown) => void>()
    new RevocationList(new BrokenStore(), onFailure).withdraw({ kid: 'k' }, NOW)
    await expect.poll(() => onFailure.mock.calls).toEqual([[new Error('no state')]])
  })
})
