import type { EpochSeconds } from '../base/clock.ts'
import { rememberRecent } from './recent-values.ts'

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'
const MONTH = '(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)'
const DAY_NAME = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)'
const LONG_DAY_NAME = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)'
const TIME = '([01]\\d|2[0-3]):([0-5]\\d):([0-5]\\d|60)'

const IMF_FIXDATE = new RegExp(`^${DAY_NAME}, (\\d\\d) ${MONTH} (\\d{4}) ${TIME} GMT$`)
const RFC_850_DATE = new RegExp(`^${LONG_DAY_NAME}, (\\d\\d)-${MONTH}-(\\d\\d) ${TIME} GMT$`)
const ASCTIME_DATE = new RegExp(`^${DAY_NAME} ${MONTH} (\\d\\d| \\d) ${TIME} (\\d{4})$`)

const FIFTY_YEARS_S = 50 * 31_556_952
const GREGORIAN_CYCLE_S = 146_097 * 86_400

/**
 * Parses an HTTP-date in any of its three forms, case-sensitively (RFC 9110 section 5.6.7); anything
 * else is `undefined`. A two-digit year that seems more than 50 years after `now` lies in the past.
 * The name of the day is not compared with the date.
 */
export function parseHttpDate(text: string, now: EpochSeconds): EpochSeconds | undefined {
  let m = IMF_FIXDATE.exec(text)
  if (m) return toEpoch(Number(m[3]), m[2], m[1], m[4], m[5], m[6])
  m = RFC_850_DATE.exec(text)
  if (m) {
    const year = new Date(now * 1000).getUTCFullYear()
    const inCentury = year - (year % 100) + Number(m[3])
    const date = toEpoch(inCentury, m[2], m[1], m[4], m[5], m[6])
    if (date === undefined || date <= now + FIFTY_YEARS_S) return date
    return toEpoch(inCentury - 100, m[2], m[1], m[4], m[5], m[6])
  }
  m = ASCTIME_DATE.exec(text)
  return m ? toEpoch(Number(m[6]), m[1], m[2], m[3], m[4], m[5]) : undefined
}

function toEpoch(
  year: number,
  monthName = '',
  day = '',
  hour = '',
  minute = '',
  second = '',
): EpochSeconds | undefined {
  const month = MONTHS.indexOf(monthName) / 3
  // Date.UTC takes the years 0 to 99 for 1900 to 1999; 400 years later the calendar is the same
  const midnight = Date.UTC(year + 400, month, Number(day))
  if (new Date(midnight).getUTCDate() !== Number(day)) return undefined
  const time = Number(hour) * 3600 + Number(minute) * 60 + Number(second)
  return midnight / 1000 - GREGORIAN_CYCLE_S + time
}

/** An instant as IMF-fixdate (RFC 9110 section 5.6.7). */
export const formatHttpDate: (instant: EpochSeconds) => string = rememberRecent(
  512,
  (instant: EpochSeconds) => new Date(instant * 1000).toUTCString(),
)
