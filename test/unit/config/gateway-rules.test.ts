import { describe, expect, it } from 'vitest'
import { defaultPublicUrl } from '../../../src/config/server-schema.ts'
import { configFolder, GATEWAY, gatewayProblems } from './config-folder.ts'

const HTTP = 'origins: { a: { type: http, url: "https://o.example/base"'

function withHttp(rest: string): string {
  return `${HTTP}${rest} } }\n`
}

/** The parts of each problem behind the position. */
function said(problems: readonly string[]): string[] {
  return problems.map((problem) => problem.replace(/^\S+: /, ''))
}

/** The problems of a gateway with one route. */
function route(text: string): string[] {
  return said(gatewayProblems(GATEWAY.replace(/ {2}- .*/, `  - ${text}`)))
}

describe('routes', () => {
  it('name an origin and a policy that exist', () => {
    expect(
      route('{ path: /a/, origin: libary, schemes: [sluice-hmac], policy: defaults }'),
    ).toEqual([
      'routes[0].origin: there is no origin libary (did you mean library?)',
      'routes[0].policy: there is no policy defaults (did you mean default?)',
    ])
  })

  it('have paths of their own', () => {
    const again = '  - { path: /files/, origin: library, schemes: [sluice-jwt] }\n'
    expect(said(gatewayProblems(GATEWAY.replace('keys:', `${again}keys:`)))).toEqual([
      'routes[1].path: is the path of routes[0] as well',
    ])
  })

  it.each([
    'files/',
    '/files',
    '/a/../b/',
    '/a/./',
    '/a%20b/',
    '/a//b/',
    '/a\\b/',
    '/a?b/',
    '/~x/',
    '/a/..;x/',
  ])('the path %s is refused', (path) => {
    const problems = route(`{ path: '${path}', origin: library, schemes: [sluice-hmac] }`)
    expect(problems).toEqual([expect.stringMatching(/^routes\[0\]\.path: must (?:not|begin) /)])
  })

  it.each(['/', '/a/', '/a b/ü/', '/.well-known/', '/a..b/'])('the path %s is taken', (path) => {
    expect(route(`{ path: '${path}', origin: library, schemes: [sluice-hmac] }`)).toEqual([])
  })

  it('name each scheme once, and at least one', () => {
    expect(
      route(
        '{ path: /a/, origin: library, schemes: [sluice-jwt, { name: sluice-jwt, issuer: i }] }',
      ),
    ).toEqual(['routes[0].schemes[1]: the route names sluice-jwt twice'])
    expect(route('{ path: /a/, origin: library, schemes: [] }')).toEqual([
      'routes[0].schemes: a route needs at least one scheme',
    ])
  })

  it('give each format its own options, and know them', () => {
    expect(
      route('{ path: /a/, origin: library, schemes: [{ name: sluice-hmac, issuer: i }] }'),
    ).toEqual(['routes[0].schemes[0].issuer: unknown key'])
    expect(
      route('{ path: /a/, origin: library, schemes: [{ name: sluice-jwt, issuer: 5 }] }'),
    ).toEqual(['routes[0].schemes[0].issuer: expected string, received number'])
    expect(
      route(
        '{ path: /a/, origin: library, schemes: [{ name: cloudflare-stream, location: body }] }',
      ),
    ).toEqual(['routes[0].schemes[0].location: expected one of "path"|"query"'])
    expect(
      route('{ path: /a/, origin: library, schemes: [{ name: sluice-jwt, isuer: i }] }'),
    ).toEqual(['routes[0].schemes[0].isuer: unknown key (did you mean issuer?)'])
    expect(route('{ path: /a/, origin: library, schemes: [sluice-jtw] }')).toEqual([
      expect.stringMatching(
        /^routes\[0\]\.schemes\[0\]: expected one of sluice-hmac, sluice-jwt, .* \(did you mean sluice-jwt\?\)$/,
      ),
    ])
    expect(route('{ path: /a/, origin: library, schemes: [{ name: sluice-jtw }] }')).toEqual([
      expect.stringMatching(/^routes\[0\]\.schemes\[0\]\.name: .* \(did you mean sluice-jwt\?\)$/),
    ])
    expect(route('{ path: /a/, origin: library, schemes: [{ issuer: i }] }')).toEqual([
      'routes[0].schemes[0].name: is required',
    ])
    expect(route('{ path: /a/, origin: library, schemes: [sluice-tag] }')).toEqual([
      'routes[0].schemes[0]: sluice-tag is for keys; no link has this format',
    ])
  })

  it('list no two formats whose links look alike', () => {
    const entry = '{ name: cloudflare-stream, location: query, param: token }'
    expect(route(`{ path: /a/, origin: library, schemes: [sluice-jwt, ${entry}] }`)).toEqual([
      'routes[0].schemes[1]: links of cloudflare-stream and sluice-jwt look alike (query token jws)',
    ])
    const other = entry.replace('param: token', 'param: st')
    expect(route(`{ path: /a/, origin: library, schemes: [sluice-jwt, ${other}] }`)).toEqual([])
  })

  it('are warned of formats that sign with MD5, and let them be', () => {
    const schemes = '[sluice-hmac, keycdn, { name: alibaba-cdn, variant: B }]'
    const text = `{ path: /a/, origin: library, schemes: ${schemes} }`
    const { problems, warnings } = configFolder({
      'gateway.yaml': GATEWAY.replace(/ {2}- .*/, `  - ${text}`),
    }).load()
    expect(problems).toEqual([])
    expect(warnings.map(({ path, message }) => [path, message.split(':')[0]])).toEqual([
      ['routes[0].schemes[1]', 'links of keycdn are signed with MD5, which is weak'],
      ['routes[0].schemes[2]', 'links of alibaba-cdn are signed with MD5, which is weak'],
    ])
  })

  it('come out with every scheme as a map', () => {
    const entry = '[sluice-hmac, { name: sluice-jwt, issuer: i, audience: a }]'
    const { config } = configFolder({
      'gateway.yaml': GATEWAY.replace('[sluice-hmac]', entry),
    }).load()
    expect(config?.routes[0]?.schemes).toEqual([
      { name: 'sluice-hmac' },
      { name: 'sluice-jwt', issuer: 'i', audience: 'a' },
    ])
  })
})

describe('the server', () => {
  it.each(['0.0.0.0/0', '::/0', '10.0.0.0/0'])('does not trust %s without a flag', (cidr) => {
    const server = (flag: string): string[] =>
      said(gatewayProblems(`server: { trustedProxies: ["${cidr}"]${flag} }\n`))
    expect(server('')).toEqual([
      expect.stringMatching(/^server\.trustedProxies\[0\]: trusts every address/),
    ])
    expect(server(', trustAllProxies: true')).toEqual([])
  })

  it('refuses a trusted proxy that is no network', () => {
    expect(
      said(gatewayProblems('server: { trustedProxies: [10.0.0.0/33, proxy] }\n')),
    ).toHaveLength(2)
  })

  it('does not share host and port with the admin API', () => {
    expect(said(gatewayProblems('server: { port: 8081 }\n'))).toEqual([
      'admin.port: is the host and port of server as well',
    ])
    expect(gatewayProblems('server: { port: 0 }\nadmin: { port: 0 }\n')).toEqual([])
  })

  it('is reached where it listens if publicUrl is not set', () => {
    expect(configFolder().load({ set: ['server.port=9000'] }).config?.server.publicUrl).toBe(
      'http://127.0.0.1:9000',
    )
    expect(defaultPublicUrl('0.0.0.0', 80)).toBe('http://127.0.0.1')
    expect(defaultPublicUrl('::', 8080)).toBe('http://[::1]:8080')
  })

  it.each([
    'ftp://a.example',
    'a.example',
    'https://u:p@a.example',
    'https://a.example/?x',
    'https://a.example/#',
  ])('refuses the publicUrl %s', (url) => {
    expect(said(gatewayProblems(`server: { publicUrl: "${url}" }\n`))).toHaveLength(1)
  })
})

describe('origins', () => {
  it('have the documented defaults', () => {
    const { config } = configFolder({ 'gateway.yaml': withHttp('') }).load()
    expect(config?.origins['a']).toEqual({
      type: 'http',
      url: 'https://o.example/base/',
      headers: {},
      timeoutSeconds: 30,
      followRedirects: false,
      redirectHosts: [],
      allowPrivateAddresses: false,
    })
  })

  it('take header values from the environment', () => {
    const folder = configFolder({
      'gateway.yaml': withHttp(', headers: { Authorization: "env:ORIGIN_AUTH", X-A: b }'),
    })
    const { config } = folder.load({ env: { ORIGIN_AUTH: 'Bearer secret' } })
    expect(config?.origins['a']).toMatchObject({
      headers: { Authorization: 'Bearer secret', 'X-A': 'b' },
    })
    expect(said(folder.problems())).toEqual([
      'origins.a.headers.Authorization: the environment has no variable ORIGIN_AUTH',
    ])
  })

  it('refuse headers that would break requests', () => {
    const problems = said(
      gatewayProblems(withHttp(', headers: { Range: a, "a b": c, X-A: "b\\r\\nc" }')),
    )
    expect(problems).toEqual([
      'origins.a.headers.Range: this header is set by the gateway itself',
      'origins.a.headers.a b: not a header name',
      'origins.a.headers.X-A: not a header value',
    ])
  })

  it('need their directory, and their ca file', () => {
    expect(said(gatewayProblems('origins: { a: { type: file, root: gone } }\n'))).toEqual([
      'origins.a.root: cannot be read: ENOENT',
    ])
    expect(said(gatewayProblems('origins: { a: { type: file, root: gateway.yaml } }\n'))).toEqual([
      'origins.a.root: is not a directory',
    ])
    expect(said(gatewayProblems(withHttp(', ca: gone.pem')))).toEqual([
      'origins.a.ca: cannot be read: ENOENT',
    ])
  })
})

describe('paths', () => {
  it('are relative to the file', () => {
    const folder = configFolder()
    const { config } = folder.load()
    expect(config?.keys.directory).toBe(folder.path('keys'))
    expect(config?.admin.tokens).toBe(folder.path('keys/admin-tokens.json'))
    expect(config?.state.directory).toBe(folder.path('../data'))
    expect(config?.policies).toBe(folder.path('policies'))
    expect(config?.records).toEqual({ access: 'stdout', audit: folder.path('../data/audit.jsonl') })
    expect(config?.origins['library']).toEqual({ type: 'file', root: folder.path('library') })
  })

  it('of policies have to be there when routes are', () => {
    expect(said(gatewayProblems(`${GATEWAY}policies: gone\n`))).toEqual([
      'policies: cannot be read: ENOENT',
    ])
  })
})

describe('keys.jwks', () => {
  const sets = (text: string): string[] =>
    said(gatewayProblems(GATEWAY.replace(/keys: .*\n/, `keys: { jwks: [${text}] }\n`)))

  it.each([
    '{ url: "https://idp.example/jwks.json", schemes: [sluice-jwt] }',
    '{ url: "http://127.0.0.1:9/jwks.json", schemes: [sluice-jwt, cloudflare-stream] }',
    '{ url: "http://localhost/jwks.json", schemes: [sluice-jwt], refreshSeconds: 5 }',
    '{ url: "http://[::1]:8080/", schemes: [sluice-jwt] }',
  ])('takes %s', (text) => {
    expect(sets(text)).toEqual([])
  })

  it.each([
    ['{ url: "http://idp.example/", schemes: [sluice-jwt] }', 'url: needs https'],
    ['{ url: "http://127.0.0.1.evil.example/", schemes: [sluice-jwt] }', 'url: needs https'],
    ['{ url: "https://u:p@idp.example/", schemes: [sluice-jwt] }', 'url: must not hold a user'],
    ['{ url: "https://idp.example/?key=s", schemes: [sluice-jwt] }', 'url: must not hold a query'],
    ['{ url: "ftp://idp.example/", schemes: [sluice-jwt] }', 'url: expected an http:// or'],
    ['{ url: "http://", schemes: [sluice-jwt] }', 'url: expected an http:// or'],
    ['{ url: idp, schemes: [sluice-jwt] }', 'url: expected an http:// or'],
    ['{ url: "https://idp.example/" }', 'schemes: is required'],
    ['{ url: "https://idp.example/", schemes: [] }', 'schemes: names no scheme'],
    ['{ url: "https://idp.example/", schemes: [jwt] }', 'schemes[0]: expected one of'],
    [
      '{ url: "https://idp.example/", schemes: [sluice-hmac] }',
      'schemes[0]: sluice-hmac knows secrets alone',
    ],
    [
      '{ url: "https://idp.example/", schemes: [sluice-jwt], refreshSeconds: 0 }',
      'refreshSeconds: ',
    ],
  ])('refuses %s', (text, expected) => {
    expect(sets(text)).toEqual([expect.stringContaining(`keys.jwks[0].${expected}`)])
  })

  it('names each URL once', () => {
    const one = '{ url: "https://idp.example/", schemes: [sluice-jwt] }'
    expect(sets(`${one}, ${one}`)).toEqual([
      'keys.jwks[1].url: is the URL of keys.jwks[0] as well; name all schemes there',
    ])
  })
})
