import type { EpochSeconds } from './clock.ts'

/** A second as `yyyymmddThhmmssZ`, the basic format of ISO 8601. */
export function basicTime(date: EpochSeconds): string {
  return new Date(date * 1000).toISOString().replace(/[-:]|\.\d{3}/g, '')
}
