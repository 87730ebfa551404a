import {
  type ConfigSources,
  formatProblem,
  type LoadedConfig,
  loadConfig,
  type Problem,
} from '../config/load.ts'
import { checkListFiles, problemOf } from '../config/load-lists.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { ListConfigs } from '../lists/list-config.ts'
import type { LiveLists, PreparedLists } from '../lists/live-lists.ts'

/** A configuration with problems: all of them, a line each. A running gateway throws none. */
export class ConfigError extends Error {
  constructor(lines: readonly string[]) {
    super(lines.join('\n'))
    this.name = 'ConfigError'
  }
}

export function loadOrThrow(
  sources: ConfigSources,
): LoadedConfig & { readonly config: GatewayConfig } {
  const loaded = loadConfig(sources)
  const { config } = loaded
  if (!config) throw new ConfigError(problemLines(loaded, checkListFiles(loaded.lists)))
  return { ...loaded, config }
}

/** A configuration that is in order, with its lists, which are not yet in force. */
export interface LoadedWithLists {
  readonly loaded: LoadedConfig & { readonly config: GatewayConfig }
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
  const prepared = await lists.prepare(config ? config.lists : filesAlone(loaded.lists), how)
  if (config && prepared.faults.length === 0) return { loaded: { ...loaded, config }, prepared }
  prepared.discard()
  throw new ConfigError(problemLines(loaded, prepared.faults.map(problemOf)))
}

/** Nothing is fetched for a configuration that does not come into force. */
function filesAlone(lists: ListConfigs): ListConfigs {
  return Object.fromEntries(Object.entries(lists).filter(([, { file }]) => file !== undefined))
}

function problemLines({ problems }: LoadedConfig, inLists: readonly Problem[]): string[] {
  return [...problems, ...inLists].map(formatProblem)
}
