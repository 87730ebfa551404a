import { describe, expect, it } from 'vitest'
import { formatNetwork } from '../../../src/base/address.ts'
import { parseNetset } from '../../../src/config/netset.ts'
import { formatProblem } from '../../../src/config/problem.ts'
import { configFolder, GATEWAY } from './config-folder.ts'

function problems(text: string): string[] {
  return parseNetset(text, 'l.netset', 'lists.l').problems.map(formatProblem)
}

describe('a netset', () => {
  it('holds addresses and CIDRs, comments and blank lines', () => {
    const text = '\uFEFF# head\r\n192.0.2.1\r\n\n  198.51.100.0/24 # why\n2001:db8::/32\nfc00::/7'
    expect(parseNetset(text, 'l.netset', 'lists.l').networks.map(formatNetwork)).toEqual([
      '192.0.2.1',
      '198.51.100.0/24',
      '2001:db8::/32',
      'fc00::/7',
    ])
    expect(problems(text)).toEqual([])
  })

  it('refuses each bad line where it is', () => {
    expect(problems('192.0.2.1\n  nonsense\n192.0.2.0/33 # x\n')).toEqual([
      'l.netset:2:3: lists.l: expected an address or a CIDR',
      'l.netset:3:1: lists.l: expected an address or a CIDR',
    ])
  })

  it.each(['0.0.0.0/0', '10.0.0.0/7', '::/0', '2000::/3'])('refuses %s', (entry) => {
    expect(problems(entry)).toEqual([expect.stringContaining('covers too much of the Internet')])
  })

  it.each(['', '# only a comment\n'])('refuses an empty list', (text) => {
    expect(problems(text)).toEqual(['l.netset:1:1: lists.l: the list is empty'])
  })

  it('reports the first hundred lines of a file that is no netset', () => {
    expect(problems('x\n'.repeat(1000))).toHaveLength(100)
  })

  it('that cannot be read is a problem of the setting', () => {
    const folder = configFolder({
      'gateway.yaml': `${GATEWAY}lists: { l: { file: gone.netset } }\n`,
    })
    expect(folder.problems()).toEqual(['gateway.yaml:7:21: lists.l.file: cannot be read: ENOENT'])
  })
})
