import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readProxyHeader } from '../../../src/request/proxy-protocol.ts'

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const HTTP = Buffer.from('GET / HTTP/1.1\r\n')

function v2(command: number, family: number, body: Buffer, size = body.length): Buffer {
  const head = Buffer.from([command, family, size >> 8, size & 255])
  return Buffer.concat([SIGNATURE, head, body])
}

const ADDRESSES4 = Buffer.from([203, 0, 113, 9, 10, 0, 0, 1, 0x12, 0x34, 0, 80])
const ADDRESSES6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000009', 'hex'),
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from([0x12, 0x34, 0, 80]),
])
const MAPPED = Buffer.concat([
  Buffer.from('00000000000000000000ffffcb007109', 'hex'),
  ADDRESSES6.subarray(16),
])

const GOOD: readonly (readonly [string, Buffer, string | undefined])[] = [
  ['v1 TCP4', Buffer.from('PROXY TCP4 203.0.113.9 10.0.0.1 4660 80\r\n'), '203.0.113.9'],
  ['v1 TCP6', Buffer.from('PROXY TCP6 2001:db8::9 2001:db8::1 4660 80\r\n'), '2001:db8::9'],
  [
    'v1 TCP6 with a mapped address',
    Buffer.from('PROXY TCP6 ::ffff:203.0.113.9 ::1 0 65535\r\n'),
    '203.0.113.9',
  ],
  ['v1 UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
  ['v1 UNKNOWN with a tail', Buffer.from('PROXY UNKNOWN ffff:f...f:ffff 65535\r\n'), undefined],
  ['v1 of 107 bytes', Buffer.from(`${'PROXY UNKNOWN '.padEnd(105, 'x')}\r\n`), undefined],
  ['v2 PROXY over IPv4', v2(0x21, 0x11, ADDRESSES4), '203.0.113.9'],
  [
    'v2 PROXY over IPv4 with TLVs',
    v2(0x21, 0x11, Buffer.concat([ADDRESSES4, Buffer.from([4, 0, 1, 0])])),
    '203.0.113.9',
  ],
  ['v2 PROXY over IPv6', v2(0x21, 0x21, ADDRESSES6), '2001:db8::9'],
  ['v2 PROXY over IPv6 with a mapped address', v2(0x21, 0x21, MAPPED), '203.0.113.9'],
  ['v2 LOCAL', v2(0x20, 0x00, Buffer.alloc(0)), undefined],
  ['v2 LOCAL with addresses', v2(0x20, 0x11, ADDRESSES4), undefined],
  ['v2 UNSPEC', v2(0x21, 0x00, Buffer.alloc(3)), undefined],
  [
    'v2 of 2048 bytes',
    v2(0x21, 0x11, Buffer.concat([ADDRESSES4, Buffer.alloc(2036)])),
    '203.0.113.9',
  ],
]

describe('a whole header is read', () => {
  it.each(GOOD)('%s', (_name, bytes, source) => {
    for (const rest of [Buffer.alloc(0), HTTP]) {
      const header = readProxyHeader(Buffer.concat([bytes, rest]))
      expect(header).toMatchObject({ outcome: 'read', length: bytes.length })
      expect(header.outcome === 'read' ? header.source?.text : 'none').toBe(source)
    }
  })
})

it.each(GOOD)('%s that is cut anywhere is incomplete', (_name, bytes) => {
  for (let length = 0; length < bytes.length; length++) {
    expect(readProxyHeader(bytes.subarray(0, length)), `${length} bytes`).toEqual({
      outcome: 'incomplete',
    })
  }
})

describe('anything else is invalid', () => {
  it.each([
    ['HTTP', HTTP],
    ['one wrong byte', Buffer.from('Q')],
    ['lower case', Buffer.from('proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n')],
    ['a leading blank', Buffer.from(' PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n')],
    ['another protocol', Buffer.from('PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n')],
    ['no addresses', Buffer.from('PROXY TCP4\r\n')],
    ['no ports', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4\r\n')],
    ['one word too many', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n')],
    ['two blanks', Buffer.from('PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n')],
    ['a blank at its end', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n')],
    ['a tab', Buffer.from('PROXY\tTCP4 1.2.3.4 1.2.3.4 1 2\r\n')],
    ['no address', Buffer.from('PROXY TCP4 client 1.2.3.4 1 2\r\n')],
    ['a leading zero', Buffer.from('PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n')],
    ['IPv6 as TCP4', Buffer.from('PROXY TCP4 ::1 ::1 1 2\r\n')],
    ['IPv4 as TCP6', Buffer.from('PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n')],
    ['mixed families', Buffer.from('PROXY TCP4 1.2.3.4 ::1 1 2\r\n')],
    ['mixed families as TCP6', Buffer.from('PROXY TCP6 ::1 1.2.3.4 1 2\r\n')],
    ['a port too large', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n')],
    ['a port with a leading zero', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n')],
    ['a negative port', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 -2\r\n')],
    ['a line of 108 bytes', Buffer.from(`${'PROXY UNKNOWN '.padEnd(106, 'x')}\r\n`)],
    ['a line without an end', Buffer.alloc(200, 'PROXY UNKNOWN ')],
    ['v2 of version 1', v2(0x11, 0x11, ADDRESSES4)],
    ['v2 of version 3', v2(0x31, 0x11, ADDRESSES4)],
    ['v2 with command 2', v2(0x22, 0x11, ADDRESSES4)],
    ['v2 with short IPv4 addresses', v2(0x21, 0x11, ADDRESSES4.subarray(0, 11))],
    ['v2 with short IPv6 addresses', v2(0x21, 0x21, ADDRESSES6.subarray(0, 35))],
    ['v2 over UNIX sockets', v2(0x21, 0x31, Buffer.alloc(216))],
    ['v2 with an unknown family', v2(0x21, 0xf1, ADDRESSES6)],
    ['v2 beyond 2048 bytes', v2(0x21, 0x11, ADDRESSES4, 2049)],
    [
      'v2 with a broken signature',
      Buffer.concat([SIGNATURE.subarray(0, 11), Buffer.from([0x0b, 0x21, 0x11, 0, 0])]),
    ],
  ])('%s', (_name, bytes) => {
    expect(readProxyHeader(bytes)).toMatchObject({ outcome: 'invalid' })
  })
})

it('no bytes throw, and a read header is never longer than what came', () => {
  const noise = fc.uint8Array({ maxLength: 80 })
  const start = fc.constantFrom(
    Buffer.alloc(0),
    SIGNATURE,
    Buffer.from('PROXY '),
    Buffer.from('PROXY TCP4 '),
    Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0])]),
  )
  fc.assert(
    fc.property(start, noise, (prefix, tail) => {
      const bytes = Buffer.concat([prefix, tail])
      const header = readProxyHeader(bytes)
      if (header.outcome === 'read') expect(header.length).toBeLessThanOrEqual(bytes.length)
      else expect(['incomplete', 'invalid']).toContain(header.outcome)
    }),
    { numRuns: 5000 },
  )
})
