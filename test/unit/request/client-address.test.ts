import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseNetwork } from '../../../src/base/address.ts'
import { NetworkSet } from '../../../src/base/network-set.ts'
import { clientAddress } from '../../../src/request/client-address.ts'
import { readHeaders } from '../../../src/request/request-headers.ts'
import { address } from '../../support/request-parts.ts'

const TRUSTED = new NetworkSet(['10.0.0.0/8', '2001:db8:1::/48'].map((text) => parseNetwork(text)!))

/** The client of a request from `peer`: its text, or the outcome where there is none. */
function clientOf(
  peer: string,
  fields: readonly (readonly [string, string])[],
  trusted = TRUSTED,
): string {
  const client = clientAddress(address(peer), readHeaders(fields.flat()), trusted)
  return client.outcome === 'known' ? client.address.text : client.outcome
}

const XFF = 'X-Forwarded-For'
const FWD = 'Forwarded'

describe('nothing is believed of a peer that is not trusted', () => {
  it.each([
    [XFF, '203.0.113.9'],
    [FWD, 'for=203.0.113.9'],
    [XFF, 'rubbish'],
    [XFF, ''],
  ])('%s: %s', (name, value) => {
    expect(clientOf('192.0.2.1', [[name, value]])).toBe('192.0.2.1')
    expect(clientOf('::ffff:192.0.2.1', [[name, value]])).toBe('192.0.2.1')
    expect(clientOf('10.0.0.1', [[name, value]], new NetworkSet([]))).toBe('10.0.0.1')
  })
})

describe('of a trusted peer the right-most untrusted address counts', () => {
  it.each([
    ['no field', [], '10.0.0.1'],
    ['one address', [[XFF, '203.0.113.9']], '203.0.113.9'],
    ['the client wrote one in front', [[XFF, '127.0.0.1, 203.0.113.9']], '203.0.113.9'],
    ['the client wrote a trusted one in front', [[XFF, '10.9.9.9, 203.0.113.9']], '203.0.113.9'],
    ['the client wrote rubbish in front', [[XFF, 'rubbish, , 203.0.113.9']], '203.0.113.9'],
    ['two trusted proxies', [[XFF, '203.0.113.9, 10.0.0.2']], '203.0.113.9'],
    ['spoof, client, proxy', [[XFF, '198.51.100.7, 203.0.113.9, 10.0.0.2']], '203.0.113.9'],
    ['all trusted: the left-most', [[XFF, '10.0.0.3, 10.0.0.2']], '10.0.0.3'],
    [
      'two lines are one list',
      [
        [XFF, '198.51.100.7'],
        [XFF, '203.0.113.9'],
      ],
      '203.0.113.9',
    ],
    ['with a port', [[XFF, '203.0.113.9:4711']], '203.0.113.9'],
    ['IPv6', [[XFF, '2001:db8::9']], '2001:db8::9'],
    ['IPv6 in brackets', [[XFF, '[2001:db8::9]']], '2001:db8::9'],
    ['IPv6 in brackets with a port', [[XFF, '[2001:db8::9]:4711']], '2001:db8::9'],
    ['IPv4-mapped', [[XFF, '::ffff:203.0.113.9']], '203.0.113.9'],
    ['a mapped trusted proxy', [[XFF, '203.0.113.9, ::ffff:10.0.0.2']], '203.0.113.9'],
    ['without blanks', [[XFF, '198.51.100.7,203.0.113.9']], '203.0.113.9'],
    ['Forwarded', [[FWD, 'for=203.0.113.9']], '203.0.113.9'],
    [
      'Forwarded with other parameters',
      [[FWD, 'proto=https;For="203.0.113.9:80";by=10.0.0.1;host=x']],
      '203.0.113.9',
    ],
    ['Forwarded with IPv6', [[FWD, 'for="[2001:db8::9]:4711"']], '2001:db8::9'],
    [
      'Forwarded with several hops',
      [[FWD, 'for=198.51.100.7, for=203.0.113.9;proto=http, for=10.0.0.2']],
      '203.0.113.9',
    ],
    ['Forwarded with a quoted comma', [[FWD, 'for=203.0.113.9;host="a,b;c"']], '203.0.113.9'],
    [
      'Forwarded with an escaped quote',
      [[FWD, 'host="a\\", for=1.2.3.4";for=203.0.113.9']],
      '203.0.113.9',
    ],
    [
      'both, in agreement',
      [
        [XFF, '203.0.113.9'],
        [FWD, 'for=203.0.113.9'],
      ],
      '203.0.113.9',
    ],
    [
      'both, in agreement, one mapped',
      [
        [XFF, '::ffff:203.0.113.9'],
        [FWD, 'for=203.0.113.9'],
      ],
      '203.0.113.9',
    ],
  ] as const)('%s', (_what, fields, client) => {
    expect(clientOf('10.0.0.1', fields)).toBe(client)
    expect(clientOf('2001:db8:1::5', fields.length === 0 ? [[XFF, client]] : fields)).toBe(client)
  })
})

describe('a chain that cannot be read is no address', () => {
  it.each([
    [[[XFF, '']]],
    [[[XFF, 'unknown']]],
    [[[XFF, '203.0.113.9, ']]],
    [[[XFF, '203.0.113.9, rubbish']]],
    [[[XFF, '203.0.113.9, rubbish, 10.0.0.2']]],
    [[[XFF, '203.0.113.09']]],
    [[[XFF, '3405803785']]],
    [[[XFF, '203.0.113.9:']]],
    [[[XFF, '203.0.113.9:port']]],
    [[[XFF, '203.0.113.9:123456']]],
    [[[XFF, '[203.0.113.9']]],
    [[[XFF, '[2001:db8::9]x']]],
    [[[XFF, '203.0.113.0/24']]],
    [[[XFF, 'client.example']]],
    [[[FWD, 'for=unknown']]],
    [[[FWD, 'for=_hidden']]],
    [[[FWD, 'proto=https']]],
    [[[FWD, '']]],
    [[[FWD, 'for=203.0.113.9;for=198.51.100.7']]],
    [[[FWD, 'for=203.0.113.9 for=1.2.3.4']]],
    [[[FWD, 'for="203.0.113.9']]],
    [[[FWD, 'for=203.0.113.9, proto=https']]],
    [[[FWD, 'for = 203.0.113.9']]],
  ] as const)('%j', (fields) => {
    expect(clientOf('10.0.0.1', fields)).toBe('unknown')
  })
})

it.each([
  [
    [
      [XFF, '203.0.113.9'],
      [FWD, 'for=198.51.100.7'],
    ],
  ],
  [
    [
      [XFF, '203.0.113.9'],
      [FWD, 'for=unknown'],
    ],
  ],
  [
    [
      [XFF, 'rubbish'],
      [FWD, 'for=203.0.113.9'],
    ],
  ],
  [
    [
      [XFF, 'rubbish'],
      [FWD, 'rubbish'],
    ],
  ],
] as const)('X-Forwarded-For and Forwarded that disagree are a conflict: %j', (fields) => {
  expect(clientOf('10.0.0.1', fields)).toBe('conflict')
})

it('whatever a client writes in front changes nothing once its proxy has added its address', () => {
  const forged = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.string(),
    fc.constantFrom('10.0.0.1', '', ',', '"', 'unknown'),
  )
  fc.assert(
    fc.property(fc.array(forged, { maxLength: 5 }), fc.boolean(), (forgeries, behindTwo) => {
      const list = [...forgeries, '203.0.113.9', ...(behindTwo ? ['10.0.0.2'] : [])].join(', ')
      expect(clientOf('10.0.0.1', [[XFF, list]])).toBe('203.0.113.9')
    }),
    { numRuns: 1000 },
  )
})

it('no text in either field throws', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom(...Array.from('for=";,[]:.\\ 1a')), maxLength: 30 }),
  )
  fc.assert(
    fc.property(text, text, (x, y) => {
      expect(['known', 'unknown', 'conflict']).toContain(
        clientAddress(address('10.0.0.1'), readHeaders([XFF, x, FWD, y]), TRUSTED).outcome,
      )
    }),
    { numRuns: 3000 },
  )
})
