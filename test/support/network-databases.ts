import type { MmdbDatabase, Opened } from '../../src/geo/mmdb.ts'

/** The database that a test knows to be good. */
export function databaseOf<T>(opened: Opened<T>): MmdbDatabase<T> {
  if ('unusable' in opened) throw new Error(opened.unusable)
  return opened.database
}
