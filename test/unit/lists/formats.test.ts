import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NetworkSet } from '../../../src/base/network-set.ts'
import {
  anonymizerOf,
  LIST_FORMATS,
  type ListFormatName,
} from '../../../src/lists/formats/registry.ts'
import { parseList } from '../../../src/lists/parse-list.ts'
import { address } from '../../support/request-parts.ts'

const SAMPLES = join(import.meta.dirname, '../../samples/lists')

const sample = (file: string): Buffer => readFileSync(join(SAMPLES, file))

const problems = (text: string | Uint8Array, format: ListFormatName): string[] =>
  parseList(Buffer.from(text as string), format).problems.map(
    ({ line, column, message }) => `${line}:${column}: ${message}`,
  )

interface Sample {
  readonly file: string
  readonly format: ListFormatName
  readonly entries: number
  readonly holds: readonly string[]
  readonly lacks: readonly string[]
}

const FILES: readonly Sample[] = [
  {
    file: 'vpn.netset',
    format: 'netset',
    entries: 5,
    holds: ['192.0.2.1', '198.51.100.0', '2001:db8:ffff::', 'fdff::1', '203.0.113.255'],
    lacks: ['192.0.2.2', '198.51.101.0', '2001:db9::', 'fe00::'],
  },
  {
    file: 'spamhaus-drop.ndjson',
    format: 'spamhaus-drop',
    entries: 4,
    holds: ['192.0.2.255', '198.51.100.127', '2001:db8::'],
    lacks: ['198.51.100.128'],
  },
  {
    file: 'spamhaus-drop.netset',
    format: 'netset',
    entries: 2,
    holds: ['192.0.2.0', '198.51.100.1'],
    lacks: ['198.51.100.128'],
  },
  {
    file: 'tor-exit.txt',
    format: 'tor-exit',
    entries: 3,
    holds: ['192.0.2.7', '198.51.100.9', '2001:db8::9'],
    lacks: ['192.0.2.8'],
  },
  {
    file: 'exit-addresses.txt',
    format: 'tor-exit',
    entries: 3,
    holds: ['192.0.2.7', '198.51.100.9', '2001:db8::9'],
    lacks: ['192.0.2.8'],
  },
  {
    file: 'icloud-relay.csv',
    format: 'icloud-relay',
    entries: 5,
    holds: ['192.0.2.33', '198.51.100.3', '203.0.113.1', '2001:db8:47::1'],
    lacks: ['192.0.2.34', '203.0.113.2', '2001:db8:48::'],
  },
  {
    file: 'aws.json',
    format: 'aws',
    entries: 3,
    holds: ['192.0.2.9', '2001:db8:10ff::'],
    lacks: ['192.0.3.0', '2001:db8:1100::'],
  },
  {
    file: 'gcp.json',
    format: 'gcp',
    entries: 2,
    holds: ['198.51.100.9', '2001:db8:200f::'],
    lacks: ['2001:db8:2010::'],
  },
  {
    file: 'azure.json',
    format: 'azure',
    entries: 3,
    holds: ['203.0.113.0', '2001:db8:3000::1'],
    lacks: ['203.0.112.0'],
  },
]

describe('a list as it is published', () => {
  it.each(FILES)('$file holds what it names', ({ file, format, entries, holds, lacks }) => {
    const parsed = parseList(sample(file), format)
    expect(parsed.problems).toEqual([])
    expect(parsed.entries).toBe(entries)
    const set = new NetworkSet(parsed.networks)
    expect(holds.filter((one) => !set.has(address(one)))).toEqual([])
    expect(lacks.filter((one) => set.has(address(one)))).toEqual([])
  })

  it('there is a sample of each format', () => {
    expect([...new Set(FILES.map(({ format }) => format))].sort()).toEqual([...LIST_FORMATS].sort())
  })

  it('says what those on it are where its form does', () => {
    expect(LIST_FORMATS.map(anonymizerOf)).toEqual([
      undefined,
      undefined,
      'tor',
      'relay',
      'hosting',
      'hosting',
      'hosting',
    ])
  })
})

describe.each(LIST_FORMATS)('a broken %s', (format) => {
  it('that is an error page is refused', () => {
    expect(problems(sample('error-page.html'), format).length).toBeGreaterThan(0)
  })

  it.each(['', '\n', '\uFEFF'])('that is %j is empty', (text) => {
    expect(problems(text, format)).toEqual(['1:1: the list is empty'])
  })

  it('of any bytes gives networks or problems, never half of both, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), anyPiece), (bytes) => {
        const { entries, networks, problems: found } = parseList(bytes, format)
        expect(found.length > 0).toBe(entries === 0)
        expect(networks.size).toBe(entries)
      }),
      { numRuns: 300 },
    )
  })

  it('of one huge line gives a short message', () => {
    const [problem = ''] = problems('1'.repeat(1_000_000), format)
    expect(problem).toMatch(/^1:1: .{1,80}$/)
  })

  it('with a wrong entry holds nothing', () => {
    const { file } = FILES.find((one) => one.format === format) as Sample
    const bad = sample(file)
      .toString()
      .replace(/192\.0\.2\.\d+|198\.51\.100\.0|203\.0\.113\.0/, '300.1.1.1')
    const parsed = parseList(Buffer.from(bad), format)
    expect([parsed.problems.length > 0, parsed.entries, parsed.networks.starts.length]).toEqual([
      true,
      0,
      0,
    ])
  })
})

/** Pieces of good lists put together in any order. */
const anyPiece = fc
  .array(
    fc.constantFrom(
      ...FILES.flatMap(({ file }) =>
        sample(file)
          .toString()
          .split(/(?<=\n)/),
      ),
      '{"type":"metadata","records":1}\n',
      '[]',
      'null\n',
    ),
    { maxLength: 12 },
  )
  .map((pieces) => Buffer.from(pieces.join('')))

describe('a list that was cut on its way', () => {
  it('without its metadata, or with fewer records than announced, is no DROP list', () => {
    const lines = sample('spamhaus-drop.ndjson').toString().trimEnd().split('\n')
    expect(problems(lines.slice(0, 4).join('\n'), 'spamhaus-drop')).toEqual([
      '4:1: the metadata line is missing: the file is cut',
    ])
    expect(problems(lines.slice(1).join('\n'), 'spamhaus-drop')).toEqual([
      '4:1: 4 records are announced, 3 are there',
    ])
  })

  it.each(['aws', 'gcp', 'azure'] as const)('is not JSON of %s, at its end', (format) => {
    const text = sample(`${format}.json`).toString().trimEnd()
    const whole = text.split('\n')
    for (let length = 1; length < text.length; length += 7) {
      expect(problems(text.slice(0, length), format)).toHaveLength(1)
    }
    expect(problems(text.slice(0, -1), format)).toEqual([`${whole.length}:1: is not JSON`])
  })

  it('has a row of the relay with too few fields', () => {
    expect(problems('192.0.2.0/27,GB,GB-EN,London,\n192.0.2.32/31,GB', 'icloud-relay')).toEqual([
      '2:1: expected 5 fields: cidr,country,region,city,',
    ])
    expect(problems('192.0.2.0/27,GB,GB-EN,"Lon', 'icloud-relay')).toHaveLength(1)
  })

  it('has an exit node without its address', () => {
    const text = sample('exit-addresses.txt').toString()
    expect(problems(text.slice(0, text.indexOf('ExitAddress 198')), 'tor-exit')).toEqual([
      '7:1: this exit node has no address',
    ])
    expect(problems(text.slice(0, -4), 'tor-exit')).toEqual([
      '11:1: expected an address or a line of an exit list',
    ])
  })
})

describe('a wrong entry is shown where it is', () => {
  it.each<[ListFormatName, string, string]>([
    ['netset', '192.0.2.1\n  nonsense\n', '2:3: expected an address or a CIDR'],
    ['netset', '192.0.2.0/33 # x', '1:1: expected an address or a CIDR'],
    ['netset', '\uFEFF192.0.2.01', '1:1: expected an address or a CIDR'],
    ['netset', '10.0.0.0/7', '1:1: a /7 covers too much of the Internet for a list'],
    ['netset', '0.0.0.0/0', '1:1: a /0 covers too much of the Internet for a list'],
    ['netset', '::/0', '1:1: a /0 covers too much of the Internet for a list'],
    ['netset', '2000::/6', '1:1: a /6 covers too much of the Internet for a list'],
    ['tor-exit', '192.0.2.0/24', '1:1: expected an address or a line of an exit list'],
    ['icloud-relay', '192.0.2.0/27,GBR,GB-EN,London,', '1:14: expected a country of two letters'],
    ['icloud-relay', 'x,GB,GB-EN,London,', '1:1: expected an address or a CIDR'],
    ['spamhaus-drop', '{"cidr":"::/0"}\n{"type":"metadata","records":0}', '1:1: a /0 covers'],
    ['spamhaus-drop', '{"cidr":1}\n{"type":"metadata","records":0}', '1:1: expected a JSON object'],
    ['aws', '{\n "syncToken": "1",\n "prefixes": [,] }', '1:1: is not JSON'],
    ['aws', '{"syncToken":"1","prefixes":[]}', '1:1: expected ipv6_prefixes to be an array'],
    ['gcp', '{"syncToken":"1","prefixes":\n[{"ipv4Prefix": "10.0.0.0/7"}]}', '2:17: a /7 covers'],
    ['gcp', '{"syncToken":"1","prefixes":[{}]}', '1:1: expected a prefix as a text'],
    ['azure', '{"changeNumber":1,"values":[{}]}', '1:1: expected addressPrefixes'],
    ['azure', '{"prefixes":[]}', '1:1: expected an object with changeNumber'],
  ])('%s %j', (format, text, expected) => {
    expect(problems(text, format)[0]).toContain(expected)
  })

  it('and the first hundred are enough of a file that is no list', () => {
    expect(problems('x\n'.repeat(1000), 'netset')).toHaveLength(100)
  })
})
