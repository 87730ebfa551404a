import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isTicket, parseReport } from '../../../src/offload/delivery-report.ts'

const TICKET = '0123456789abcdef0123456789abcdef'
const HEAD = '<190>Nov  1 14:40:34 '

const parse = (text: string): unknown => parseReport(Buffer.from(text, 'latin1'))

describe('a report', () => {
  it.each([
    [
      'of a whole delivery',
      `${HEAD}sluice: ${TICKET} 200 1000 "OK" "-"`,
      { ticket: TICKET, status: 200, bytes: 1000, isComplete: true, range: undefined },
    ],
    [
      'of a range, from a host that names itself',
      `${HEAD}web-1.example sluice: ${TICKET} 206 10 "OK" "bytes 90-99/100"`,
      {
        ticket: TICKET,
        status: 206,
        bytes: 10,
        isComplete: true,
        range: { start: 90, end: 100, size: 100 },
      },
    ],
    [
      'of a client that went away',
      `${HEAD}sluice: ${TICKET} 499 0 "" ""\n`,
      { ticket: TICKET, status: 499, bytes: 0, isComplete: false, range: undefined },
    ],
    [
      'of a range that does not fit',
      `${HEAD}sluice: ${TICKET} 416 197 "OK" "bytes */10000"`,
      { ticket: TICKET, status: 416, bytes: 197, isComplete: true, range: undefined },
    ],
  ])('%s is read', (_, text, expected) => {
    expect(parse(text)).toEqual(expected)
  })

  it.each([
    ['nothing', ''],
    ['no syslog head', `sluice: ${TICKET} 200 1 "OK" ""`],
    ['another tag', `${HEAD}nginx: ${TICKET} 200 1 "OK" ""`],
    ['a short ticket', `${HEAD}sluice: ${TICKET.slice(1)} 200 1 "OK" ""`],
    ['a ticket in capitals', `${HEAD}sluice: ${TICKET.toUpperCase()} 200 1 "OK" ""`],
    ['a negative number', `${HEAD}sluice: ${TICKET} 200 -1 "OK" ""`],
    ['a number that no double holds', `${HEAD}sluice: ${TICKET} 200 ${'9'.repeat(16)} "OK" ""`],
    ['a word that nginx does not write', `${HEAD}sluice: ${TICKET} 200 1 "ok" ""`],
    ['a range that ends before it begins', `${HEAD}sluice: ${TICKET} 206 1 "OK" "bytes 9-8/10"`],
    ['a range behind the end', `${HEAD}sluice: ${TICKET} 206 1 "OK" "bytes 0-10/10"`],
    ['two lines', `${HEAD}sluice: ${TICKET} 200 1 "OK" ""\n${HEAD}sluice: ${TICKET} 200 1 "OK" ""`],
    ['more than a line holds', `${HEAD}sluice: ${TICKET} 200 1 "OK" ""${' '.repeat(600)}`],
  ])('%s is none', (_, text) => {
    expect(parse(text)).toBeUndefined()
  })

  it('whatever comes is read as sane numbers or not at all, and never throws', () => {
    const field = fc.oneof(fc.string(), fc.nat().map(String), fc.constantFrom('OK', '-', TICKET))
    const line = fc
      .tuple(field, field, field, field, field)
      .map(([a, b, c, d, e]) => `${HEAD}sluice: ${a} ${b} ${c} "${d}" "${e}"`)
    const near = fc
      .tuple(fc.nat(999), fc.maxSafeNat(), fc.maxSafeNat(), fc.maxSafeNat(), fc.maxSafeNat())
      .map(
        ([status, bytes, first, last, size]) =>
          `${HEAD}sluice: ${TICKET} ${status} ${bytes} "OK" "bytes ${first}-${last}/${size}"`,
      )
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 600 }).map((array) => Buffer.from(array)),
      fc.oneof(line, near).map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(bytes, (datagram) => {
        const report = parseReport(datagram)
        if (!report) return
        expect(isTicket(report.ticket)).toBe(true)
        expect(Number.isSafeInteger(report.bytes) && report.bytes >= 0).toBe(true)
        const { range } = report
        if (range) expect(range.start < range.end && range.end <= range.size).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})
