import {
  type ConfigSources,
  formatProblem,
  type LoadedConfig,
  loadConfig,
  type Problem,
} from '../config/load.ts'
import { checkListFiles, problemOf } from '../config/load-lists.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { LiveLists, PreparedLists } from '../lists/live-lists.ts'

/** A configuration with problems: all of them, a line each. A running gateway throws none. */
export class ConfigError extends Error {
  constructor(lines: readonly string[]) {
    super(lines.join('\n'))
    this.name = 'ConfigError'
  }
}

/** A configuration that is in order. */
export type Loaded = LoadedConfig & { readonly config: GatewayConfig }

export function loadOrThrow(sources: ConfigSources): Loaded {
  const loaded = loadConfig(sources)
  const { config } = loaded
  if (!config) throw new ConfigError(problemLines(loaded, checkListFiles(loaded.lists)))
  return { ...loaded, config }
}

/** The same with its lists, which are not yet in force. */
export interface LoadedWithLists {
  readonly loaded: Loaded
  readonly prepared: PreparedLists
}

/** Loads config and lists beside those that serve: however large a list is, requests go on. */
export async function loadWithLists(
  sources: ConfigSources,
  lists: LiveLists,
  how: { readonly again: boolean },
): Promise<LoadedWithLists> {
  const loaded = loadConfig(sources)
  const { config } = loaded
  const prepared = await lists.prepare(config?.lists ?? loaded.lists, how)
  if (!config || prepared.faults.length > 0) throw refusing(loaded, prepared)
  await prepared.begin()
  return { loaded: { ...loaded, config }, prepared }
}

/** The lists of the first configuration. Nothing is fetched before `begin`, and nothing is written. */
export async function prepareFirstLists(
  loaded: LoadedConfig,
  lists: LiveLists,
): Promise<PreparedLists> {
  const prepared = await lists.prepare(loaded.lists, { again: true })
  if (prepared.faults.length > 0) throw refusing(loaded, prepared)
  return prepared
}

function refusing(loaded: LoadedConfig, prepared: PreparedLists): ConfigError {
  prepared.discard()
  return new ConfigError(problemLines(loaded, prepared.faults.map(problemOf)))
}

function problemLines({ problems }: LoadedConfig, inLists: readonly Problem[]): string[] {
  return [...problems, ...inLists].map(formatProblem)
}
