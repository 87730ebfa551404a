import { describe, expect, it } from 'vitest'
import { formatProblem } from '../../../src/config/load.ts'
import { configFolder, GATEWAY } from './config-folder.ts'

function problems(list: string): string[] {
  const folder = configFolder({
    'gateway.yaml': `${GATEWAY}lists: { l: ${list} }\n`,
    'l.netset': '192.0.2.1\n',
  })
  return folder.problems().map((problem) => problem.replace(/^\S+: /, ''))
}

describe('a list', () => {
  it.each([
    '{}',
    '{ anonymizer: vpn }',
    '{ file: l.netset }',
    '{ url: "https://l.example/list?key=1", headers: { x-key: k } }',
    '{ url: "https://l.example/", format: spamhaus-drop, refreshSeconds: 7200 }',
  ])('may be %s', (list) => {
    expect(problems(list)).toEqual([])
  })

  it.each([
    ['{ file: gone }', 'lists.l.file: cannot be read: ENOENT'],
    ['{ file: policies }', 'lists.l.file: is a directory'],
    ['{ file: l.netset, url: "https://l.example/" }', 'lists.l.url: is a second source'],
    ['{ file: l.netset, headers: { a: b } }', 'lists.l.headers: are sent to a url'],
    ['{ format: tor-exit }', 'lists.l.format: says nothing of a list of entries by API alone'],
    ['{ refreshSeconds: 5 }', 'lists.l.refreshSeconds: says nothing'],
    ['{ url: "ftp://l.example/" }', 'lists.l.url: expected an http:// or https:// URL'],
    ['{ url: "https://u:p@l.example/" }', 'lists.l.url: must not hold a user name'],
    ['{ file: l.netset, format: netsett }', 'lists.l.format: expected one of netset'],
    ['{ file: l.netset, anonymizer: toor }', 'lists.l.anonymizer: expected one of tor'],
    ['{ file: l.netset, maxShrink: 2 }', 'lists.l.maxShrink: '],
    [
      '{ url: "https://l.example/", headers: { x-key: "env:NO_SUCH" } }',
      'lists.l.headers.x-key: the environment has no variable NO_SUCH',
    ],
    [
      '{ url: "https://l.example/", headers: { If-None-Match: a } }',
      'lists.l.headers.If-None-Match: this header is set by the gateway itself',
    ],
    [
      '{ url: "https://l.example/", format: spamhaus-drop, refreshSeconds: 60 }',
      'lists.l.refreshSeconds: its publisher asks for at least 3600 seconds',
    ],
  ])('cannot be %s', (list, expected) => {
    expect(problems(list)).toEqual([expect.stringContaining(expected)])
  })

  it('has the values of the variables that its headers name', () => {
    const folder = configFolder({
      'gateway.yaml': `${GATEWAY}lists: { l: { url: "https://l.example/", headers: { x-key: "env:KEY" } } }\n`,
    })
    expect(folder.load({ env: { KEY: 'k-1' } }).config?.lists['l']?.headers).toEqual({
      'x-key': 'k-1',
    })
  })
})

describe('a policy that nothing can tell about', () => {
  const warnings = (policy: string, more = ''): string[] => {
    const folder = configFolder({
      'gateway.yaml': GATEWAY + more,
      'policies/default.yaml': policy,
      'l.netset': '192.0.2.1\n',
    })
    return folder
      .load()
      .warnings.map((warning) => formatProblem(warning).replace(`${folder.root}/`, ''))
  }
  const VPN = 'antiFraud: { anonymizers: { vpn: deny } }\n'

  it('is warned of where it writes the anonymizer', () => {
    expect(warnings(VPN)).toEqual([
      'policies/default.yaml:1:34: antiFraud.anonymizers.vpn: nothing tells which addresses are vpn: ' +
        'set geo.anonymous or a list with anonymizer: vpn',
    ])
    expect(warnings('antiFraud: { anonymizers: { vpn: observe } }\n')).toEqual([])
    expect(warnings('antiFraud: { default: true }\n')).toEqual([])
  })

  it.each(['{ file: l.netset, anonymizer: vpn }', '{ anonymizer: vpn }'])(
    'is not with the list %s',
    (list) => {
      expect(warnings(VPN, `lists: { l: ${list} }\n`)).toEqual([])
    },
  )

  it('is not where the format of a list tells', () => {
    const list = 'lists: { l: { file: l.netset, format: tor-exit } }\n'
    expect(warnings('antiFraud: { anonymizers: { tor: deny } }\n', list)).toEqual([])
  })

  it('is a problem where AS numbers decide', () => {
    const folder = configFolder({ 'policies/default.yaml': 'address: { tolerance: asn }\n' })
    expect(folder.problems()).toEqual([
      'policies/default.yaml:1:23: address.tolerance: asn needs AS numbers of addresses: ' +
        'set geo.asn in the gateway config',
    ])
    expect(warnings('antiFraud: { sharing: { maxAsns: 3 } }\n')).toEqual([
      expect.stringContaining('maxAsns: nothing tells AS numbers'),
    ])
  })
})
