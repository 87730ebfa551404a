import { expect, it } from 'vitest'
import { parseNetwork } from '../../../src/base/address.ts'
import { NetworkSet } from '../../../src/base/network-set.ts'
import { isBehindProxy } from '../../../src/request/proxy-traces.ts'
import { readHeaders } from '../../../src/request/request-headers.ts'
import { address } from '../../support/request-parts.ts'

const TRUSTED = new NetworkSet([parseNetwork('10.0.0.0/8')!])

it.each<[string, string, string, string[], boolean]>([
  ['nothing', '192.0.2.1', '192.0.2.1', [], false],
  ['Via of a client', '192.0.2.1', '192.0.2.1', ['Via', '1.1 squid'], true],
  ['X-Forwarded-For of a client', '192.0.2.1', '192.0.2.1', ['X-Forwarded-For', '1.2.3.4'], true],
  ['Forwarded of a client', '192.0.2.1', '192.0.2.1', ['Forwarded', 'for=1.2.3.4'], true],
  ['Via of a trusted proxy', '10.0.0.1', '192.0.2.1', ['Via', '1.1 nginx'], false],
  ['the client alone', '10.0.0.1', '192.0.2.1', ['X-Forwarded-For', '192.0.2.1, 10.0.0.2'], false],
  [
    'somebody left of the client',
    '10.0.0.1',
    '192.0.2.1',
    ['X-Forwarded-For', '1.2.3.4, 192.0.2.1, 10.0.0.2'],
    true,
  ],
  [
    'the same in Forwarded',
    '10.0.0.1',
    '192.0.2.1',
    ['Forwarded', 'for=1.2.3.4, for="192.0.2.1:99"'],
    true,
  ],
])('of a request with %s', (_what, peer, client, fields, expected) => {
  const headers = readHeaders(fields)
  expect(isBehindProxy(address(peer), address(client), headers, TRUSTED)).toBe(expected)
})
