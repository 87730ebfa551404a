import { isIP, isIPv4, isIPv6 } from 'node:net'
import fc from 'fast-check'
import { IPv4, IPv4CidrRange, IPv6, IPv6CidrRange } from 'ip-num'
import { describe, expect, it } from 'vitest'
import {
  addressFromBigInt,
  addressFromInteger,
  addressToBigInt,
  clientKey,
  clientNetwork,
  formatNetwork,
  maskAddress,
  networkContains,
  parseAddress,
  parseIPv4,
  parseIPv6,
  parseNetwork,
  sameAddress,
} from '../../../src/base/address.ts'
import { address } from '../../support/request-parts.ts'

function accepts(make: () => unknown): boolean {
  try {
    make()
    return true
  } catch {
    return false
  }
}

const octet = fc.oneof(
  fc.integer({ min: 0, max: 300 }).map(String),
  fc.constantFrom('', '00', '01', '0x1', '1e1', '-1', ' 1', '256', '999', '1a'),
)
const v4Text = fc.oneof(
  fc.ipV4(),
  fc.array(octet, { minLength: 3, maxLength: 5 }).map((parts) => parts.join('.')),
  fc.string({ unit: fc.constantFrom(...Array.from('0123456789.')), maxLength: 17 }),
)
const group = fc.oneof(
  fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16)),
  fc.constantFrom('0', '', '0000', '00001', 'ffff', 'FFFF', 'g', '1.2.3.4'),
)
const v6Text = fc.oneof(
  fc.ipV6(),
  fc.array(group, { minLength: 1, maxLength: 10 }).map((groups) => groups.join(':')),
  fc.string({ unit: fc.constantFrom(...Array.from('01af:.')), maxLength: 42 }),
  fc
    .tuple(fc.constantFrom('::', '::ffff:', '1::', '64:ff9b::', '1:2:3:4:5:6:'), fc.ipV4())
    .map((parts) => parts.join('')),
)

function groupsOf(text: string): bigint | undefined {
  return parseIPv6(text)?.reduce((sum, value) => sum * 65536n + BigInt(value), 0n)
}

describe('parseIPv4', () => {
  it('accepts what node accepts, and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(v4Text, v6Text), (text) => {
        expect(parseIPv4(text) >= 0).toBe(isIPv4(text))
      }),
      { numRuns: 5000 },
    )
  })

  it('gives the number of ip-num for every address that ip-num accepts', () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(BigInt(parseIPv4(text))).toBe(IPv4.fromDecimalDottedString(text).getValue())
      }),
    )
    fc.assert(
      fc.property(v4Text, (text) => {
        if (parseIPv4(text) >= 0) expect(accepts(() => new IPv4(text))).toBe(true)
      }),
    )
  })
})

describe('parseIPv6', () => {
  it('accepts what node accepts, and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(v6Text, v4Text), (text) => {
        expect(parseIPv6(text) !== undefined).toBe(isIPv6(text))
      }),
      { numRuns: 10_000 },
    )
  })

  it('gives the number of ip-num for plain forms', () => {
    const plain = fc.ipV6().filter((text) => !text.includes('.'))
    fc.assert(
      fc.property(plain, (text) => {
        expect(groupsOf(text)).toBe(new IPv6(text).getValue())
      }),
      { numRuns: 2000 },
    )
  })

  it('reads an IPv4 tail as two groups', () => {
    fc.assert(
      fc.property(fc.ipV4(), (tail) => {
        expect(groupsOf(`2001:db8::${tail}`)).toBe((0x20010db8n << 96n) + BigInt(parseIPv4(tail)))
      }),
    )
  })

  it.each([
    '::',
    '::1',
    '1::',
    '1:2:3:4:5:6:7::',
    '::2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:8',
    'ABCD::ef01',
  ])('accepts %s', (text) => {
    expect(isIPv6(text)).toBe(true)
    expect(groupsOf(text)).toBe(new IPv6(text).getValue())
  })

  it.each([
    '',
    ':',
    ':::',
    '1',
    '1:',
    ':1',
    '1:2',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '::1:2:3:4:5:6:7:8',
    '12345::',
    '::g',
    '::1.2.3',
    '::1.2.3.4:5',
    '1.2.3.4',
    '[::1]',
    ' ::1',
    '::1 ',
    '::1/64',
    '::ffff:1.2.3.04',
    '1:::2',
  ])('refuses %j', (text) => {
    expect(parseIPv6(text)).toBeUndefined()
  })
})

describe('parseAddress', () => {
  it('knows the family that node knows, IPv4-mapped apart', () => {
    fc.assert(
      fc.property(fc.oneof(v4Text, v6Text), (text) => {
        const parsed = parseAddress(text)
        expect(parsed === undefined).toBe(isIP(text) === 0)
        if (parsed && parsed.family !== isIP(text)) expect(groupsOf(text)! >> 32n).toBe(0xffffn)
      }),
      { numRuns: 3000 },
    )
  })

  it('its text parses to the same address again', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const parsed = address(text)
        const again = address(parsed.text)
        expect(sameAddress(parsed, again)).toBe(true)
        expect(again.text).toBe(parsed.text)
      }),
    )
  })

  it.each([
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:DB8::A', '2001:db8::a'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['::192.0.2.1', '::c000:201'],
    ['fe80::1%eth0', 'fe80::1'],
    ['192.0.2.1', '192.0.2.1'],
  ])('writes %s as %s (RFC 5952)', (text, canonical) => {
    expect(address(text).text).toBe(canonical)
  })

  it.each([
    '192.0.2.1%eth0',
    '192.0.2.1:80',
    '[::1]',
    '192.0.2.01',
    '3232236033',
    '0xc0a80201',
    '192.168.513',
    ' 1.2.3.4',
    '1.2.3.4\n',
    '',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined()
  })
})

describe('integers', () => {
  it.each([
    [3232236033, '192.168.2.1'],
    [-1062731263, '192.168.2.1'],
    [(192 << 24) | (168 << 16) | (2 << 8) | 1, '192.168.2.1'],
    [0, '0.0.0.0'],
    [-1, '255.255.255.255'],
    [-2147483648, '128.0.0.0'],
  ])('%i is %s', (value, text) => {
    expect(addressFromInteger(value).text).toBe(text)
  })

  it('a big integer gives the same address back', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const parsed = address(text)
        expect(addressFromBigInt(addressToBigInt(parsed), parsed.family)).toEqual(parsed)
      }),
    )
  })
})

describe('parseNetwork', () => {
  it('gives the first address of ip-num for IPv4', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (text, prefix) => {
        const first = IPv4CidrRange.fromCidr(`${text}/${prefix}`).getFirst().getValue()
        const network = parseNetwork(`${text}/${prefix}`)!
        expect(network.prefix).toBe(prefix)
        expect(addressToBigInt(network.first)).toBe(first)
      }),
    )
  })

  it('gives the first address of ip-num for IPv6', () => {
    const plain = fc.ipV6().filter((text) => address(text).family === 6 && !text.includes('.'))
    fc.assert(
      fc.property(plain, fc.integer({ min: 0, max: 128 }), (text, prefix) => {
        const first = IPv6CidrRange.fromCidr(`${text}/${prefix}`).getFirst().getValue()
        const network = parseNetwork(`${text}/${prefix}`)!
        expect(network.prefix).toBe(prefix)
        expect(addressToBigInt(network.first)).toBe(first)
      }),
    )
  })

  it('accepts a prefix length exactly when it fits the family', () => {
    const suffix = fc.oneof(
      fc.integer({ min: -2, max: 200 }).map(String),
      fc.constantFrom('', '08', '1.0', ' 8', '8 ', '1e1', '/8', '+8'),
    )
    fc.assert(
      fc.property(fc.constantFrom('10.0.0.0', '2001:db8::'), suffix, (text, length) => {
        const fits =
          /^(?:0|[1-9]\d*)$/.test(length) && Number(length) <= (text.includes(':') ? 128 : 32)
        expect(parseNetwork(`${text}/${length}`) !== undefined).toBe(fits)
      }),
    )
  })

  it.each([
    ['::ffff:192.0.2.0/120', '192.0.2.0/24'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['2001:db8::1', '2001:db8::1'],
    ['::/0', '::/0'],
  ])('reads %s as %s', (text, network) => {
    expect(formatNetwork(parseNetwork(text)!)).toBe(network)
  })

  it.each([
    '::ffff:192.0.2.0/95',
    'fe80::1%eth0',
    'fe80::%1/64',
    '10/8',
    '10.0.0.0-10.0.0.9',
    '10.0.0.0/255.0.0.0',
    '/8',
    '',
  ])('refuses %j', (text) => {
    expect(parseNetwork(text)).toBeUndefined()
  })

  it('holds an address exactly when the leading bits agree, and never one of the other family', () => {
    const any = fc.oneof(fc.ipV4(), fc.ipV6()).map(address)
    fc.assert(
      fc.property(any, any, fc.nat(128), (base, client, length) => {
        const width = base.family === 4 ? 32 : 128
        const prefix = Math.min(length, width)
        const shift = BigInt(width - prefix)
        const agrees =
          base.family === client.family &&
          addressToBigInt(base) >> shift === addressToBigInt(client) >> shift
        const first = maskAddress(base, prefix)
        expect(networkContains({ first, prefix }, client)).toBe(agrees)
        expect(networkContains({ first, prefix }, base)).toBe(true)
      }),
    )
  })
})

describe('clientKey', () => {
  it('is the IPv4 address or the IPv6 /64', () => {
    expect(clientKey(address('192.0.2.1'))).not.toBe(clientKey(address('192.0.2.2')))
    expect(clientKey(address('::ffff:192.0.2.1'))).toBe(clientKey(address('192.0.2.1')))
    expect(clientKey(address('2001:db8:0:1::1'))).toBe(clientKey(address('2001:db8:0:1:ffff::2')))
    expect(clientKey(address('2001:db8:0:1::1'))).not.toBe(clientKey(address('2001:db8:0:2::1')))
  })
})

it.each([
  ['192.0.2.201', '192.0.2.0/24'],
  ['::ffff:192.0.2.201', '192.0.2.0/24'],
  ['2001:db8:0:1:a:b:c:d', '2001:db8:0:1::/64'],
  ['::1', '::/64'],
])('clientNetwork of %s is %s', (text, network) => {
  expect(clientNetwork(address(text))).toBe(network)
})
