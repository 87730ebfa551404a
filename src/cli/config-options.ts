import { join } from 'node:path'
import type { Command } from 'commander'
import { SqliteCatalogue } from '../catalogue/sqlite-catalogue.ts'
import { openMemoryDatabase } from '../state/database.ts'
import { systemClock } from '../base/clock.ts'
import { messageOf } from '../base/failure.ts'
import { type AddressSet, NetworkSet } from '../base/network-set.ts'
import type { ConfigSources } from '../config/load.ts'
import type { StateConfig } from '../config/state-schema.ts'
import { loadOrThrow } from '../gateway/load-or-throw.ts'
import { buildRuntime, type Runtime } from '../gateway/runtime.ts'
import { StoredLists } from '../lists/stored-lists.ts'
import type { LinkDesk } from '../operator/link-desk.ts'
import { CommandError, terminal } from './output.ts'

export interface ConfigOptions {
  readonly config: string
  readonly set: readonly string[]
}

/** Adds the options that choose the configuration. */
export function withConfigOptions(command: Command): Command {
  return command
    .option(
      '-c, --config <file>',
      'configuration file',
      process.env['SLUICE_CONFIG'] ?? 'config/gateway.yaml',
    )
    .option(
      '--set <path=value>',
      'override one setting, as server.port=9000; may be repeated',
      (text: string, before: string[]) => [...before, text],
      [] as string[],
    )
}

export function sourcesOf(options: ConfigOptions): ConfigSources {
  return { file: options.config, set: options.set, env: process.env }
}

/** Entries that operators added to lists, as the state has them. */
type EntriesOf = (list: string) => AddressSet

const NO_ENTRIES: EntriesOf = () => new NetworkSet([])

/** Where the configuration keeps its state. Problems end the command with exit 2. */
export function stateConfigOf(options: ConfigOptions): StateConfig {
  return orExit(() => loadOrThrow(sourcesOf(options)).config.state)
}

/** The parts that the configuration makes, without opening a port. Problems end the command with exit 2. */
export function loadRuntime(options: ConfigOptions, entriesOf: EntriesOf = NO_ENTRIES): Runtime {
  const warn = (message: string): void => {
    terminal.tell(message)
  }
  return orExit(() => {
    const loaded = loadOrThrow(sourcesOf(options))
    const lists = new StoredLists(loaded.config.lists, {
      directory: join(loaded.config.state.directory, 'lists'),
      entriesOf,
      warn,
    })
    return buildRuntime(loaded, {
      warn,
      listed: (list) => lists.get(list),
      // paths of assets are judged by their form: no object is opened here
      catalogue: new SqliteCatalogue(openMemoryDatabase()),
    })
  })
}

function orExit<T>(load: () => T): T {
  try {
    return load()
  } catch (error) {
    throw new CommandError(messageOf(error), 2)
  }
}

export function deskOf(runtime: Runtime): LinkDesk {
  const { routes, keys, networks, config, site } = runtime
  return { clock: systemClock, routes, keys, networks, site, publicUrl: config.server.publicUrl }
}
