import { describe, expect, it } from 'vitest'
import { configFolder, GATEWAY, gatewayProblems, policyProblems } from './config-folder.ts'

describe('where a problem is', () => {
  it('an unknown key is at the key, with the name that was meant', () => {
    expect(gatewayProblems(`${GATEWAY}server:\n  prot: 9000\n`)).toEqual([
      'gateway.yaml:8:3: server.prot: unknown key (did you mean port?)',
    ])
  })

  it('an unknown key of an origin is compared with the keys of its type', () => {
    const origin = (text: string): string[] =>
      gatewayProblems(GATEWAY.replace('{ type: file, root: library }', `{ ${text} }`))
    expect(origin('type: http, url: "https://o.example/", time_out_seconds: 3')).toEqual([
      'gateway.yaml:2:53: origins.library.time_out_seconds: unknown key (did you mean timeoutSeconds?)',
    ])
    expect(origin('type: file, root: library, time_out_seconds: 3')).toEqual([
      'gateway.yaml:2:41: origins.library.time_out_seconds: unknown key',
    ])
  })

  it('a key that is close to nothing gets no suggestion', () => {
    expect(gatewayProblems(`${GATEWAY}wholly: 1\n`)).toEqual([
      'gateway.yaml:7:1: wholly: unknown key',
    ])
  })

  it('a bad value is at the value', () => {
    expect(gatewayProblems(`${GATEWAY}server: { port: many }\n`)).toEqual([
      'gateway.yaml:7:17: server.port: expected number, received string',
    ])
    expect(gatewayProblems(`${GATEWAY}server: { kernelCopy: on }\n`)).toEqual([
      'gateway.yaml:7:23: server.kernelCopy: expected one of "auto"|"off"',
    ])
  })

  it('a missing key is at the enclosing map', () => {
    expect(gatewayProblems(GATEWAY.replace(', root: library', ''))).toEqual([
      'gateway.yaml:2:12: origins.library.root: is required',
    ])
    expect(gatewayProblems(GATEWAY.replace('type: file, ', ''))).toEqual([
      'gateway.yaml:2:12: origins.library.type: is required: file, http, s3',
    ])
  })

  it('an item of a list is at the item', () => {
    expect(policyProblems('enforcement: observe\nmethods:\n  - GET\n  - POST\n')).toEqual([
      'policies/default.yaml:4:5: methods[1]: expected one of GET, HEAD',
    ])
  })

  it('a duplicate key is at its second place', () => {
    expect(policyProblems('leeway: { expirySeconds: 0 }\nleeway: { expirySeconds: 1 }\n')).toEqual([
      'policies/default.yaml:2:1: leeway: duplicate key',
    ])
  })

  it('broken syntax is where the parser stumbled', () => {
    const [problem, ...others] = gatewayProblems('server:\n  port: [1, 2\nadmin: {}\n')
    expect(problem).toMatch(/^gateway\.yaml:3:1: \(file\): syntax: /)
    expect(others).toEqual([])
  })

  it('a value behind an alias is where it is written', () => {
    expect(
      policyProblems('leeway: { expirySeconds: &t -1 }\nresume: { graceSeconds: *t }\n'),
    ).toEqual([
      expect.stringMatching(/^policies\/default\.yaml:1:29: leeway\.expirySeconds: /),
      expect.stringMatching(/^policies\/default\.yaml:1:29: resume\.graceSeconds: /),
    ])
  })

  it('a format whose links look like those of another is at its entry', () => {
    const entry = '{ name: cloudflare-stream, location: query }'
    expect(gatewayProblems(GATEWAY.replace('sluice-hmac', `sluice-jwt, ${entry}`))).toEqual([
      expect.stringMatching(
        /^gateway\.yaml:4:61: routes\[0\]\.schemes\[1\]: links of .* look alike/,
      ),
    ])
  })

  it('a bad name of an origin is at the name', () => {
    expect(gatewayProblems(GATEWAY.replaceAll('library: {', 'a/b: {'))).toEqual([
      expect.stringMatching(/^gateway\.yaml:2:3: origins\.a\/b: a name has /),
      'gateway.yaml:4:30: routes[0].origin: there is no origin library',
    ])
  })

  it('JSON has the same places', () => {
    expect(gatewayProblems('{\n  "server": { "prot": 1 }\n}')).toEqual([
      'gateway.yaml:2:15: server.prot: unknown key (did you mean port?)',
    ])
  })

  it('an empty file takes every default', () => {
    const { config, problems } = configFolder({ 'gateway.yaml': '# nothing\n' }).load()
    expect(problems).toEqual([])
    expect(config?.server.port).toBe(8080)
  })

  it('every problem of every file is told at once', () => {
    const folder = configFolder({
      'gateway.yaml': `${GATEWAY}lists: { pirates: { file: pirates.netset } }\nserver: { prot: 1, port: x }\n`,
      'policies/default.yaml': 'uses: { max: 0 }\n',
      'policies/other.yaml': 'oops: 1\nnetworks: { block: [pirate] }\n',
      'pirates.netset': '192.0.2.0/24\nnonsense\n',
      'keys/a.json': '{ "kty": "oct" }',
      'keys/admin-tokens.json': '[{ "id": "ops", "sha256": "00", "scopes": ["links"] }]',
    })
    expect(folder.problems()).toEqual([
      'gateway.yaml:8:11: server.prot: unknown key (did you mean port?)',
      'gateway.yaml:8:26: server.port: expected number, received string',
      'policies/default.yaml:1:14: uses.max: expected number to be >0',
      'policies/other.yaml:1:1: oops: unknown key',
      'policies/other.yaml:2:21: networks.block[0]: there is no list pirate (did you mean pirates?)',
      'keys/a.json:1:1: kid: is required',
      'keys/a.json:1:1: alg: is required',
      'keys/a.json:1:1: schemes: is required',
      'keys/admin-tokens.json:1:27: [0].sha256: expected the 64 hex digits of a SHA-256',
      'pirates.netset:2:1: lists.pirates: expected an address or a CIDR',
    ])
    expect(folder.load().config).toBeUndefined()
  })
})
