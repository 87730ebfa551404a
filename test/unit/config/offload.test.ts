import { describe, expect, it } from 'vitest'
import { configFolder, GATEWAY } from './config-folder.ts'

const X_ACCEL = 'delivery: { offload: "x-accel:/internal/" }\n'
const PROXY = 'server: { trustedProxies: [10.0.0.1] }\n'
const LOG = 'offload: { log: { port: 5140 } }\n'

/** What is said of a gateway with such a default policy. */
function said(policy: string, gateway: string): string[] {
  const files = { 'gateway.yaml': gateway, 'policies/default.yaml': policy }
  return configFolder(files).problems()
}

describe('a policy whose bytes nginx sends', () => {
  it('is in order with a trusted proxy and an ear for its reports', () => {
    expect(said(X_ACCEL, GATEWAY + PROXY + LOG)).toEqual([])
  })

  it('is in order without reports, and then without a trusted proxy', () => {
    expect(said(X_ACCEL, GATEWAY + PROXY)).toEqual([])
    expect(said(X_ACCEL, GATEWAY)).toEqual([])
  })

  it.each([
    ['', LOG, 'server.trustedProxies names no proxy that could send'],
    [
      'server: { trustedProxies: [0.0.0.0/0], trustAllProxies: true }\n',
      LOG,
      'server.trustedProxies holds every client, so any would see internal paths',
    ],
    [
      'server: { trustedProxies: [10.0.0.1], proxyProtocol: true }\n',
      LOG,
      'with server.proxyProtocol nobody can tell the proxy from its clients',
    ],
  ])('is refused with %j %j', (server, log, why) => {
    expect(said(X_ACCEL, GATEWAY + server + log)).toEqual([
      `gateway.yaml:4:71: routes[0].policy: policy default has delivery.offload x-accel:/internal/, and ${why}`,
    ])
  })

  it('is refused for a second origin behind the same path, and for a route that nginx would hide', () => {
    const two = `origins:
  library: { type: file, root: library }
  other: { type: file, root: library }
routes:
  - { path: /a/, origin: library, schemes: [sluice-hmac], policy: default }
  - { path: /b/, origin: other, schemes: [sluice-hmac], policy: default }
keys: { directory: keys }
admin: { tokens: keys/admin-tokens.json }
`
    expect(said(X_ACCEL, two + PROXY + LOG)).toEqual([
      expect.stringMatching(
        /^gateway.yaml:6:\d+: routes\[1\]\.policy: .*stands for origin library already$/,
      ),
    ])
    expect(said(X_ACCEL, GATEWAY.replace('/files/', '/internal/files/') + PROXY + LOG)).toEqual([
      expect.stringMatching(/nginx would hide the route \/internal\/files\/ behind \/internal\/$/),
    ])
  })
})

it('a policy that redirects is refused on an origin that makes no links', () => {
  const redirect = 'delivery: { offload: redirect }\n'
  expect(said(redirect, GATEWAY)).toEqual([
    'gateway.yaml:4:71: routes[0].policy: policy default has delivery.offload redirect, and origin library makes no links: one of type file never can',
  ])
  const http = GATEWAY.replace('type: file, root: library', 'type: http, url: "http://o.example/"')
  expect(said(redirect, http)).toEqual([
    expect.stringMatching(/origin library makes no links: set presign there$/),
  ])
})

it('assets are only sent by the gateway', () => {
  const apis = 'apis: { origin: library, policy: default }\n'
  expect(said(X_ACCEL, GATEWAY + PROXY + LOG + apis)).toEqual([
    expect.stringMatching(
      /^gateway.yaml:9:\d+: apis\.policy: policy default .* assets are only sent by the gateway$/,
    ),
  ])
})

it.each([
  ['offload: { log: {} }', 'offload.log.port'],
  ['offload: { log: { port: 0 } }', 'offload.log.port'],
  ['offload: { log: { port: 5140, from: [nginx] } }', 'offload.log.from[0]'],
  ['offload: { holdSeconds: 0 }', 'offload.holdSeconds'],
  ['offload: { redirectSeconds: 3601 }', 'offload.redirectSeconds'],
])('%s is refused with its place', (text, path) => {
  const problems = said('', `${GATEWAY}${text}\n`)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toMatch(/^gateway.yaml:7:\d+: /)
  expect(problems[0]).toContain(`: ${path}: `)
})
