import type { EpochSeconds } from '../../base/clock.ts'
import { parseCount } from '../constraints.ts'

/** How a format writes a second, and what that second means. */
export interface DigestTime {
  /** Undefined when the text is no time in this writing. */
  read(text: string): EpochSeconds | undefined
  /** Rounded down where the writing is coarser than a second. */
  write(seconds: EpochSeconds): string
  /** Seconds that a link lives from its issue time on; without it the time is the expiry. */
  readonly ttl?: number
  /** Whether the second of the expiry still counts. */
  readonly isInclusive?: boolean
}

type Writing = Pick<DigestTime, 'read' | 'write'>

export const DECIMAL: Writing = { read: parseCount, write: String }

/**
 * Either case, as signers differ. A leading zero would be a second spelling of one time, for which the
 * last character of a path could be taken where both stand side by side in the digest.
 */
export const HEX: Writing = {
  read: (text) => (/^[1-9a-fA-F][0-9a-fA-F]{0,11}$/.test(text) ? parseInt(text, 16) : undefined),
  write: (seconds) => seconds.toString(16),
}

const UTC_8 = 8 * 3600

/** `YYYYMMDDHHMM` as clocks show it in UTC+8. */
export const MINUTE_STAMP: Writing = {
  read(text) {
    const stamp = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})$/.exec(text)
    if (!stamp) return undefined
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = stamp.slice(1).map(Number)
    const seconds = Date.UTC(year, month - 1, day, hour, minute) / 1000 - UTC_8
    // the 31st of June would roll over to July
    return MINUTE_STAMP.write(seconds) === text ? seconds : undefined
  },
  write: (seconds) =>
    new Date((seconds + UTC_8) * 1000).toISOString().slice(0, 16).replace(/\D/g, ''),
}
