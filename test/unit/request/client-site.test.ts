import { describe, expect, it } from 'vitest'
import { parseNetwork } from '../../../src/base/address.ts'
import { NetworkSet } from '../../../src/base/network-set.ts'
import { clientSite, siteOf } from '../../../src/request/client-site.ts'
import { readHeaders } from '../../../src/request/request-headers.ts'
import { address } from '../../support/request-parts.ts'

const TRUSTED = new NetworkSet([parseNetwork('10.0.0.0/8')!])
const CONFIGURED = { scheme: 'https', host: 'files.example' } as const
const PROTO = 'X-Forwarded-Proto'
const HOST = 'X-Forwarded-Host'
const FWD = 'Forwarded'

type Fields = readonly (readonly [string, string])[]

/** `scheme://host` of a request from `peer`, or the outcome where there is none. */
function siteFrom(fields: Fields, peer = '10.0.0.1'): string {
  const found = clientSite(address(peer), readHeaders(fields.flat()), TRUSTED, CONFIGURED)
  return found.outcome === 'known' ? `${found.site.scheme}://${found.site.host}` : found.outcome
}

describe('the site of a public URL', () => {
  it.each([
    ['https://files.example', 'https', 'files.example'],
    ['https://Files.Example:443/x', 'https', 'files.example'],
    ['http://127.0.0.1:8080', 'http', '127.0.0.1:8080'],
    ['http://[::1]:80', 'http', '[::1]'],
  ])('%s', (url, scheme, host) => {
    expect(siteOf(url)).toEqual({ scheme, host })
  })
})

describe('nothing is believed of a peer that is not trusted', () => {
  it.each<[Fields]>([
    [[[PROTO, 'http']]],
    [[[HOST, 'evil.example']]],
    [[[FWD, 'proto=http;host=evil.example']]],
    [
      [
        [PROTO, 'http'],
        [FWD, 'proto=https'],
      ],
    ],
  ])('%j', (fields) => {
    expect(siteFrom(fields, '192.0.2.1')).toBe('https://files.example')
  })

  it('nor of one whose address is not known', () => {
    const headers = readHeaders([HOST, 'evil.example'])
    expect(clientSite(undefined, headers, TRUSTED, CONFIGURED)).toEqual({
      outcome: 'known',
      site: CONFIGURED,
    })
  })

  it('and never the Host field', () => {
    expect(siteFrom([['Host', 'evil.example']])).toBe('https://files.example')
  })
})

describe('of a trusted proxy', () => {
  it.each<[string, Fields, string]>([
    ['nothing said', [], 'https://files.example'],
    ['the scheme', [[PROTO, 'http']], 'http://files.example'],
    ['the host', [[HOST, 'cdn.example']], 'https://cdn.example'],
    [
      'both',
      [
        [PROTO, 'http'],
        [HOST, 'cdn.example:8080'],
      ],
      'http://cdn.example:8080',
    ],
    ['Forwarded', [[FWD, 'for=1.2.3.4;proto=http;host="cdn.example:81"']], 'http://cdn.example:81'],
    [
      'the scheme of one field and the host of the other',
      [
        [PROTO, 'http'],
        [FWD, 'host=cdn.example'],
      ],
      'http://cdn.example',
    ],
    ['any case', [[PROTO, 'HTTP']], 'http://files.example'],
    ['any case of a host', [[HOST, 'CDN.Example']], 'https://cdn.example'],
    ['an IPv6 host', [[HOST, '[2001:db8::1]:8443']], 'https://[2001:db8::1]:8443'],
    ['the port of its own scheme', [[HOST, 'cdn.example:443']], 'https://cdn.example'],
    ['the port of the other scheme', [[HOST, 'cdn.example:80']], 'https://cdn.example:80'],
    [
      'what the client wrote in front',
      [[HOST, 'evil.example, cdn.example']],
      'https://cdn.example',
    ],
    [
      'what the client wrote in a line before',
      [
        [HOST, 'evil.example'],
        [HOST, 'cdn.example'],
      ],
      'https://cdn.example',
    ],
    [
      'what the client wrote into Forwarded',
      [[FWD, 'proto=http;host=evil.example, for=1.2.3.4;host=cdn.example']],
      'https://cdn.example',
    ],
    [
      'two fields that agree',
      [
        [HOST, 'cdn.example'],
        [FWD, 'host=CDN.example'],
      ],
      'https://cdn.example',
    ],
  ])('%s', (_what, fields, expected) => {
    expect(siteFrom(fields)).toBe(expected)
  })

  it.each([
    [PROTO, 'ftp'],
    [PROTO, ''],
    [PROTO, 'https, '],
    [HOST, ''],
    [HOST, 'a/b'],
    [HOST, 'user@cdn.example'],
    [HOST, 'cdn.example:port'],
    [HOST, 'cdn.example:123456'],
    [HOST, 'cdn example'],
    [HOST, 'ü.example'],
    [FWD, 'proto=http;proto=https'],
    [FWD, 'proto=http;;host=cdn.example;=x'],
    [FWD, ''],
  ])('%s: %s says nothing', (name, value) => {
    expect(siteFrom([[name, value]])).toBe('https://files.example')
  })

  it.each<[Fields]>([
    [
      [
        [PROTO, 'https'],
        [FWD, 'proto=http'],
      ],
    ],
    [
      [
        [HOST, 'cdn.example'],
        [FWD, 'proto=https;host=evil.example'],
      ],
    ],
  ])('two fields that disagree are a conflict: %j', (fields) => {
    expect(siteFrom(fields)).toBe('conflict')
  })
})
