import { systemClock } from '../base/clock.ts'
import { messageOf } from '../base/failure.ts'
import { EntrySets } from '../lists/entry-set.ts'
import { openDatabaseToRead } from '../state/database.ts'
import { ListEntries } from '../state/list-entries.ts'
import type { EntriesIn } from './config-options.ts'
import { CommandError } from './output.ts'

/** The state of a gateway on this machine, read only; an empty one where none ever ran. */
export function openState(directory: string): ReturnType<typeof openDatabaseToRead> {
  try {
    return openDatabaseToRead(directory)
  } catch (error) {
    throw new CommandError(messageOf(error), 2)
  }
}

/** Entries that operators added to lists, by the state of that gateway. */
export const storedEntries: EntriesIn = (directory) => {
  const entries = new EntrySets(new ListEntries(openState(directory)), systemClock)
  return (list) => entries.of(list)
}
