/** How a delivery ended, as the program that sent the bytes wrote it into its log. */
export interface DeliveryReport {
  /** The ticket of the request. */
  readonly ticket: string
  readonly status: number
  /** Body bytes that went to the client. */
  readonly bytes: number
  readonly isComplete: boolean
  /** Of a 206 with one range: what it held, `end` exclusive. */
  readonly range:
    { readonly start: number; readonly end: number; readonly size: number } | undefined
}

/** Longer than any line of the documented format. */
const MAX_BYTES = 512
const MAX_DIGITS = 15
const TICKET = '[0-9a-f]{32}'
const COUNT = `\\d{1,${MAX_DIGITS}}`
/** `<190>Nov 21 14:40:34 host sluice: TICKET STATUS BYTES "OK" "bytes 0-9/10"` (RFC 3164 head, nginx's way). */
const LINE = new RegExp(
  '^<\\d{1,3}>[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d (?:[\\w.:-]{1,255} )?sluice: ' +
    `(${TICKET}) (\\d{3}) (${COUNT}) "(OK|)" "(?:-|bytes (${COUNT})-(${COUNT})/(${COUNT})|bytes [^"]{0,60})?"\\s*$`,
)
const WHOLE_TICKET = new RegExp(`^${TICKET}$`)

/** Whether a text has the form of nginx's `$request_id`: 16 random bytes in hex. */
export function isTicket(text: string): boolean {
  return WHOLE_TICKET.test(text)
}

/** Reads one syslog datagram; undefined for anything but the documented line. */
export function parseReport(datagram: Buffer): DeliveryReport | undefined {
  if (datagram.length > MAX_BYTES) return undefined
  const match = LINE.exec(datagram.toString('latin1'))
  if (!match) return undefined
  const [, ticket = '', status, bytes, completion, first, last, size] = match
  const range =
    first === undefined
      ? undefined
      : { start: Number(first), end: Number(last) + 1, size: Number(size) }
  if (range && !(range.start < range.end && range.end <= range.size)) return undefined
  return {
    ticket,
    status: Number(status),
    bytes: Number(bytes),
    isComplete: completion === 'OK',
    range,
  }
}
