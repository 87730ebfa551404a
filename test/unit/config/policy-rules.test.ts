import { describe, expect, it } from 'vitest'
import { configFolder, GATEWAY, policyProblems } from './config-folder.ts'

/** The parts of each problem behind the position. */
function said(policy: string): string[] {
  return policyProblems(policy).map((problem) => problem.replace(/^\S+: /, ''))
}

describe('a policy', () => {
  it('has the documented defaults when it says nothing', () => {
    const { policies } = configFolder({ 'policies/default.yaml': '' }).load()
    expect(policies.get('default')).toEqual({
      enforcement: 'enforce',
      methods: ['GET', 'HEAD'],
      lifetime: { defaultSeconds: 3600, maxSeconds: 604_800 },
      leeway: { notBeforeSeconds: 60, expirySeconds: 0 },
      resume: { graceSeconds: 21_600 },
      address: { pin: 'optional', tolerance: 'exact' },
      parallel: { maxDownloads: null, countBy: 'link', connectionsPerDownload: 16 },
      uses: { max: null, coverage: 0.9 },
      rate: { bytesPerSecond: null, countBy: 'link' },
      countries: { allow: [], block: [] },
      networks: { allow: [], block: [] },
      antiFraud: {
        default: false,
        lists: [],
        anonymizers: {
          tor: 'deny',
          vpn: 'deny',
          publicProxy: 'deny',
          residentialProxy: 'deny',
          hosting: 'observe',
          relay: 'allow',
        },
        sharing: {
          windowSeconds: 86_400,
          maxNetworks: 3,
          maxAsns: null,
          maxCountries: 2,
          maxDevices: null,
          subject: { maxNetworks: null, maxAsns: null, maxCountries: null, maxDevices: null },
          heuristics: { minSignals: 2, networks: 16, asns: 6, devices: 8, speed: 1000 },
          action: 'deny',
          slowBytesPerSecond: 65_536,
        },
      },
      referrers: { allow: [] },
      ignoredParameters: ['utm_*', 'fbclid', 'gclid'],
      delivery: {
        disposition: 'attachment',
        cache: 'private-no-store',
        edge: { maxSeconds: 300, marginSeconds: 5 },
        cors: ['*'],
        offload: 'none',
      },
    })
  })

  it.each([
    'nginx',
    'x-accel',
    'x-accel:',
    'x-accel:/',
    'x-accel:/a',
    'x-accel:a/',
    'x-accel:/../',
  ])('that says offload: %s is refused, with what can be said', (offload) => {
    expect(said(`delivery: { offload: ${JSON.stringify(offload)} }`)).toEqual([
      'delivery.offload: expected none, redirect, or x-accel: with a path, as x-accel:/internal/',
    ])
  })

  it.each([
    'leeway',
    'address',
    'parallel',
    'uses',
    'networks',
    'referrers',
    'countries',
    'antiFraud',
  ])('may observe %s alone', (section) => {
    expect(said(`${section}: { enforcement: observe }`)).toEqual([])
    expect(said(`${section}: { enforcement: watch }`)).toEqual([
      `${section}.enforcement: expected one of enforce, observe`,
    ])
  })

  it.each([
    ['DE', undefined],
    ['NO', undefined],
    ['XK', undefined],
    ['UK', ' (did you mean GB?)'],
    ['de', ''],
    ['DEU', ''],
    ['ZZ', ''],
    ['AA', ''],
    ['49', ''],
  ])('names the country %s', (code, hint) => {
    const wrong = `expected an ISO 3166-1 alpha-2 country code in capitals, as DE${hint}`
    const found = (side: string): string[] =>
      hint === undefined ? [] : [`countries.${side}[0]: ${wrong}`]
    expect(said(`countries: { allow: ["${code}"], block: ["${code}"] }`)).toEqual([
      ...found('allow'),
      ...found('block'),
    ])
  })

  it('names only lists that there are, for networks and for anti-fraud', () => {
    expect(said('antiFraud: { lists: [pirates] }')).toEqual([
      'antiFraud.lists[0]: there is no list pirates',
    ])
    expect(said('antiFraud: { lists: [10.0.0.0/8] }')).toEqual([
      expect.stringMatching(/^antiFraud\.lists\[0\]: a name has 1 to 64 letters/),
    ])
  })

  it.each([
    ['windowSeconds: 0'],
    ['windowSeconds: 31536001'],
    ['maxNetworks: 0'],
    ['maxNetworks: 100001'],
    ['maxCountries: 0'],
    ['action: redirect'],
    ['networks: 3'],
  ])('has no sharing: { %s }', (setting) => {
    expect(said(`antiFraud: { sharing: { ${setting} } }`)).toHaveLength(1)
  })

  it('may leave out a limit of sharing', () => {
    expect(said('antiFraud: { sharing: { maxNetworks: null, maxCountries: null } }')).toEqual([])
  })

  it('cannot observe a rate, a lifetime or a delivery', () => {
    expect(said('rate: { enforcement: observe }')).toEqual([
      'rate.enforcement: a rate shapes and never refuses, so it cannot be observed',
    ])
    expect(said('lifetime: { enforcement: observe }')).toEqual([
      'lifetime.enforcement: unknown key',
    ])
    expect(said('delivery: { enforcement: observe }')).toEqual([
      'delivery.enforcement: unknown key',
    ])
  })

  it.each([
    'methods: [HEAD]',
    'methods: [GET, GET]',
    'methods: []',
    'parallel: { maxDownloads: 0 }',
    'parallel: { maxDownloads: 1.5 }',
    'parallel: { connectionsPerDownload: 0 }',
    'parallel: { connectionsPerDownload: null }',
    'uses: { max: -1 }',
    'uses: { coverage: 0 }',
    'uses: { coverage: 1.1 }',
    'rate: { bytesPerSecond: 0 }',
    'lifetime: { maxSeconds: 0 }',
    'lifetime: { defaultSeconds: 61, maxSeconds: 60 }',
    'lifetime: { defaultSeconds: 604801 }',
    'leeway: { expirySeconds: -1 }',
    'resume: { graceSeconds: soon }',
    'address: { pin: always }',
    'networks: { allow: [10.0.0.0/33] }',
    'networks: { allow: [no/name] }',
    'networks: { block: [unknown-list] }',
    'referrers: { allow: ["https://a.example"] }',
    'referrers: { allow: ["a.*.example"] }',
    'referrers: { allow: ["*"] }',
    'delivery: { cors: ["https://a.example/"] }',
    'delivery: { cors: ["*.example"] }',
    'delivery: { disposition: none }',
    'delivery: { cache: public }',
    'delivery: { edge: { maxSeconds: 0 } }',
    'delivery: { edge: { marginSeconds: -1 } }',
    'ignoredParameters: ["*"]',
    'ignoredParameters: ["a=b"]',
    'leeway:',
    '[]',
    'text',
  ])('that says %s is refused', (policy) => {
    expect(said(policy)).toHaveLength(1)
  })

  it.each([
    'methods: [GET]',
    'parallel: { maxDownloads: 3, countBy: address }',
    'uses: { max: 1, coverage: 1 }',
    'lifetime: { defaultSeconds: 60, maxSeconds: 60 }',
    'address: { pin: first-use, tolerance: prefix }',
    'networks: { allow: [10.0.0.0/8, "2001:db8::/32", 192.0.2.1] }',
    'referrers: { allow: [a.example, "*.example.com", none] }',
    'delivery: { cors: ["https://a.example", "http://b.example:8080"], disposition: inline }',
    'delivery: { cache: edge, edge: { maxSeconds: 60, marginSeconds: 0 } }',
    'ignoredParameters: []',
  ])('that says %s is taken', (policy) => {
    expect(said(policy)).toEqual([])
  })

  it('that lets caches keep answers and asks for every request is warned of', () => {
    const policy = `delivery: { cache: edge }
address: { pin: first-use }
uses: { max: 3 }
referrers: { allow: [a.example] }
`
    const { problems, warnings } = configFolder({ 'policies/default.yaml': policy }).load()
    expect(problems).toEqual([])
    expect(warnings.map(({ line, message }) => [line, message])).toEqual(
      ['address.pin', 'uses.max', 'referrers.allow'].map((setting) => [
        1,
        `caches keep nothing: ${setting} needs every request here`,
      ]),
    )
  })

  it('that only shortens the maximum shortens the default with it', () => {
    const { policies } = configFolder({
      'policies/default.yaml': 'lifetime: { maxSeconds: 600 }',
    }).load()
    expect(policies.get('default')?.lifetime).toEqual({ defaultSeconds: 600, maxSeconds: 600 })
  })

  it('may name the lists of the gateway', () => {
    const folder = configFolder({
      'gateway.yaml': `${GATEWAY}lists: { pirates: { file: pirates.netset } }\n`,
      'policies/default.yaml': 'networks: { block: [pirates] }\n',
      'pirates.netset': '192.0.2.0/24\n',
    })
    const { problems, lists } = folder.load()
    expect(problems).toEqual([])
    expect(lists['pirates']).toMatchObject({
      file: folder.path('pirates.netset'),
      format: 'netset',
    })
  })

  it('has a name that no other file has', () => {
    const folder = configFolder({ 'policies/default.json': '{}', 'policies/a b.yaml': '' })
    expect(folder.problems()).toEqual([
      'policies/a b.yaml:1:1: (file): the name of the file is no policy name',
      'policies/default.yaml:1:1: (file): there is another file for the policy default',
    ])
  })
})
