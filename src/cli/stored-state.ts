import { randomUUID } from 'node:crypto'
import { systemClock } from '../base/clock.ts'
import { GatewayError, messageOf } from '../base/failure.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { SqliteCatalogue } from '../catalogue/sqlite-catalogue.ts'
import type { StateConfig } from '../config/state-schema.ts'
import { connectionOptions } from '../gateway/shared-state.ts'
import { EntrySets } from '../lists/entry-set.ts'
import { openDatabase, openDatabaseToRead, openMemoryDatabase } from '../state/database.ts'
import { EmbeddedLinkState } from '../state/embedded-link-state.ts'
import type { LinkState } from '../state/link-state.ts'
import { ListEntries } from '../state/list-entries.ts'
import { RevocationList } from '../state/revocations.ts'
import { SqliteRevocations } from '../state/sqlite-revocations.ts'
import { ValkeyCatalogue } from '../valkey/catalogue.ts'
import { ValkeyConnection } from '../valkey/connection.ts'
import { Events } from '../valkey/events.ts'
import { ValkeyLinkState } from '../valkey/link-state.ts'
import { ReplicatedTable } from '../valkey/replicated-table.ts'
import { ValkeyListEntries } from '../valkey/valkey-list-entries.ts'
import { ValkeyRevocations } from '../valkey/valkey-revocations.ts'
import { CommandError } from './output.ts'

const PATIENCE_MS = 3000

/** What gateways know of links and of who may ask, beside them. */
export interface StoredState {
  readonly links: Pick<LinkState, 'open'>
  readonly revocations: RevocationList
  /** Entries that operators added to lists. */
  readonly entries: EntrySets
  close(): Promise<void>
}

/** The state of a gateway on this machine, an empty one where none ever ran, or that of many. */
export async function openStoredState(config: StateConfig): Promise<StoredState> {
  return orExit(() =>
    config.driver === 'valkey' ? openShared(config) : openEmbedded(config.directory),
  )
}

/** Works on the catalogue; a gateway that writes at the same time is waited for. */
export async function withCatalogue(
  config: StateConfig,
  access: 'read' | 'write',
  work: (catalogue: Catalogue) => Promise<void>,
): Promise<void> {
  await orExit(async () => {
    if (config.driver === 'valkey') {
      const connection = await connect(config)
      await work(new ValkeyCatalogue(connection)).finally(() => {
        connection.close()
      })
      return
    }
    const open = access === 'read' ? openDatabaseToRead : openDatabase
    const database = open(config.directory)
    await work(new SqliteCatalogue(database)).finally(() => {
      database.close()
    })
  })
}

function openEmbedded(directory: string): StoredState {
  const database = openDatabaseToRead(directory)
  return {
    links: new EmbeddedLinkState(database, systemClock),
    revocations: new RevocationList(new SqliteRevocations(database)),
    entries: new EntrySets(new ListEntries(database), systemClock),
    async close() {
      database.close()
    },
  }
}

async function openShared(config: StateConfig): Promise<StoredState> {
  const connection = await connect(config)
  const events = new Events(connection)
  const revoked = new ReplicatedTable(connection, events, 'revocations')
  const listed = new ReplicatedTable(connection, events, 'list-entries')
  try {
    await Promise.all([revoked.start(), listed.start()])
  } catch (error) {
    connection.close()
    throw error
  }
  const links = new ValkeyLinkState({
    connection,
    clock: systemClock,
    node: randomUUID(),
    local: new EmbeddedLinkState(openMemoryDatabase(), systemClock),
    onUnavailable: 'deny',
    onLost: () => undefined,
  })
  return {
    links,
    revocations: new RevocationList(new ValkeyRevocations(revoked)),
    entries: new EntrySets(new ValkeyListEntries(listed), systemClock),
    async close() {
      await links.close()
      revoked.stop()
      listed.stop()
      connection.close()
    },
  }
}

async function connect(config: StateConfig): Promise<ValkeyConnection> {
  const connection = new ValkeyConnection(connectionOptions(config))
  if (await connection.ready(PATIENCE_MS)) return connection
  connection.close()
  throw new GatewayError('ERR_STATE_UNAVAILABLE', 'the shared state does not answer')
}

/** What fails is said in a line. */
async function orExit<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof CommandError) throw error
    const cause = error instanceof Error && error.cause ? `: ${messageOf(error.cause)}` : ''
    throw new CommandError(messageOf(error) + cause, 2)
  }
}
