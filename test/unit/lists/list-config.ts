import type { ListConfig } from '../../../src/lists/list-config.ts'

/** A list as an empty configuration makes it, with what is given over it. */
export function listConfig(given: Partial<ListConfig> = {}): ListConfig {
  return {
    headers: {},
    format: 'netset',
    refreshSeconds: 3600,
    maxBytes: 1024 ** 2,
    maxShrink: 0.5,
    maxGrowth: 10,
    ...given,
  }
}
