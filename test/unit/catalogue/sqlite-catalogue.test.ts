import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { SqliteCatalogue } from '../../../src/catalogue/sqlite-catalogue.ts'
import { openDatabase, openMemoryDatabase } from '../../../src/state/database.ts'
import { catalogueContract } from '../../contract/catalogue-contract.ts'

catalogueContract(
  'SqliteCatalogue',
  async () => {
    const database = openMemoryDatabase()
    return {
      catalogue: new SqliteCatalogue(database),
      dispose: async () => {
        database.close()
      },
    }
  },
  it,
)

it('what one process puts another finds, as soon as it is put', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-catalogue-'))
  const [first, second] = [openDatabase(directory), openDatabase(directory)]
  const asset = {
    id: 'a',
    filename: 'a.mp4',
    origin: 'library',
    object: 'a.mp4',
    requireSigned: false,
    status: 'ready',
    createdAt: 1,
  } as const
  await new SqliteCatalogue(first).putAsset(asset, [])
  expect(await new SqliteCatalogue(second).asset('a')).toEqual(asset)
  first.close()
  second.close()
  rmSync(directory, { recursive: true })
})
