import type { EpochSeconds } from '../../base/clock.ts'

let lastText = ''
let lastInstant: EpochSeconds | undefined

/** `parseImfFixdate`, which remembers its last answer: objects that are asked for again have the same date. */
export function parseHttpDate(text: string): EpochSeconds | undefined {
  if (text !== lastText) {
    lastText = text
    lastInstant = parseImfFixdate(text)
  }
  return lastInstant
}

/** Parses an IMF-fixdate (RFC 9110 section 5.6.7); the obsolete forms and wrong weekdays are `undefined`. */
function parseImfFixdate(text: string): EpochSeconds | undefined {
  const ms = Date.parse(text)
  // toUTCString writes exactly the IMF-fixdate form, so a round trip is the strict check
  if (Number.isNaN(ms) || new Date(ms).toUTCString() !== text) return undefined
  return ms / 1000
}
