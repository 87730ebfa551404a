import type { EpochSeconds } from '../../base/clock.ts'

/** Parses an IMF-fixdate (RFC 9110 section 5.6.7); the obsolete forms and wrong weekdays are `undefined`. */
export function parseHttpDate(text: string): EpochSeconds | undefined {
  const ms = Date.parse(text)
  // toUTCString writes exactly the IMF-fixdate form, so a round trip is the strict check
  if (Number.isNaN(ms) || new Date(ms).toUTCString() !== text) return undefined
  return ms / 1000
}
