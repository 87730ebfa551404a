import { formatProblem, type LoadedConfig, loadConfig } from '../config/load.ts'
import type { ConfigSources } from '../config/load.ts'
import type { GatewayConfig } from '../config/schema.ts'

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
  if (!config) throw new ConfigError(loaded.problems.map(formatProblem))
  return { ...loaded, config }
}
