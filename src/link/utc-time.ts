import type { EpochSeconds } from '../base/clock.ts'

const UTC_TIME = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(?:(:\d{2})(?:\.\d{1,7})?)?Z)?$/

/**
 * ISO 8601 in UTC: `2026-01-31`, `2026-01-31T12:00Z` or `2026-01-31T12:00:00Z`; from 1970 on. Up to seven
 * digits of a second, as .NET writes them, are cut off.
 */
export function parseUtcTime(text: string): EpochSeconds | undefined {
  const parts = UTC_TIME.exec(text)
  if (!parts) return undefined
  const [, day = '', minute = '00:00', second = ':00'] = parts
  const full = `${day}T${minute}${second}Z`
  const seconds = Date.parse(full) / 1000
  // Date.parse reads 30 February as a day of March
  return seconds >= 0 && formatUtcTime(seconds) === full ? seconds : undefined
}

/** `2026-01-31T12:00:00Z`; undefined for what no four digits of a year can say. */
export function formatUtcTime(seconds: EpochSeconds): string | undefined {
  if (seconds >= 253_402_300_800) return undefined
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}
