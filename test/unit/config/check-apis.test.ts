import { describe, expect, it } from 'vitest'
import { configFolder, GATEWAY, gatewayProblems } from './config-folder.ts'

/** The problems of a gateway with this section, without their positions. */
function problemsOf(apis: string, gateway = GATEWAY): string[] {
  return gatewayProblems(`${gateway}apis: ${apis}\n`).map((text) => text.replace(/^\S+: /, ''))
}

const withRoute = (path: string): string => GATEWAY.replace('/files/', path)

describe('the section apis', () => {
  it('without a problem switches on what it names, with defaults', () => {
    const text = `${GATEWAY}apis: { origin: library, xvid: {}, tasks: {} }\n`
    const { config, problems } = configFolder({ 'gateway.yaml': text }).load()
    expect(problems).toEqual([])
    expect(config?.apis).toEqual({
      origin: 'library',
      path: '/assets/',
      policy: 'default',
      keepSeconds: 604_800,
      ffmpeg: {
        path: 'ffmpeg',
        probePath: 'ffprobe',
        concurrency: 2,
        timeoutSeconds: 14_400,
        maxBytes: 107_374_182_400,
      },
      xvid: {},
      tasks: {
        allowedHosts: [],
        allowPrivateAddresses: false,
        requireToken: true,
        concurrency: 4,
        timeoutSeconds: 14_400,
        maxBytes: 107_374_182_400,
      },
    })
  })

  it('may come from the environment', () => {
    const folder = configFolder()
    const env = { SLUICE_APIS__ORIGIN: 'library', SLUICE_APIS__FFMPEG__CONCURRENCY: '3' }
    expect(folder.load({ env }).config?.apis).toMatchObject({
      origin: 'library',
      ffmpeg: { concurrency: 3 },
    })
  })

  it.each([
    ['{}', /^apis\.origin: /],
    ['{ elytron: {} }', /^apis\.origin: /],
    ['{ origin: libary }', /^apis\.origin: there is no origin libary \(did you mean library\?\)$/],
    ['{ origin: library, policy: defalt }', /^apis\.policy: there is no policy defalt \(did you/],
    ['{ origin: library, path: assets }', /^apis\.path: /],
    ['{ origin: library, elytrn: {} }', /^apis\.elytrn: unknown key.*elytron/],
    ['{ origin: library, elytron: { on: true } }', /^apis\.elytron\.on: unknown key/],
    ['{ origin: library, elytron: true }', /^apis\.elytron: /],
    ['{ origin: library, keepSeconds: 0 }', /^apis\.keepSeconds: /],
    ['{ origin: library, ffmpeg: { concurrency: 65 } }', /^apis\.ffmpeg\.concurrency: /],
    ['{ origin: library, tasks: { allowedHosts: ["a b"] } }', /^apis\.tasks\.allowedHosts\[0\]: /],
  ])('%s is one problem, at its place', (apis, expected) => {
    const problems = problemsOf(apis)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(expected)
  })

  it('writes to a file origin alone', () => {
    const remote = GATEWAY.replace(
      '{ type: file, root: library }',
      '{ type: http, url: "https://o.example/" }',
    )
    expect(problemsOf('{ origin: library }', remote)).toEqual([
      'apis.origin: must be a file origin: renditions and fetched files are written to it',
    ])
  })
})

describe('the paths of an API that is switched on', () => {
  it.each([
    ['elytron', '/v1/'],
    ['elytron', '/v1/videos/'],
    ['elytron', '/v1/videos/new/'],
    ['xvid', '/v1/files/'],
    ['ibm', '/videos/'],
    ['tasks', '/api/download/'],
    ['tasks', '/api/'],
    ['stream', '/client/'],
    ['stream', '/accounts/'],
  ])('of %s are closed to the route %s and to the catalogue', (api, path) => {
    const message = `the API ${api} lies there (apis.${api})`
    const on = `{ origin: library, ${api}: {} }`
    expect(problemsOf(on, withRoute(path))).toEqual([`routes[0].path: ${message}`])
    const own = `{ origin: library, path: ${path}, ${api}: {} }`
    expect(problemsOf(own)).toEqual([`apis.path: ${message}`])
  })

  it.each([
    ['{ origin: library, elytron: {} }', '/'],
    ['{ origin: library, elytron: {} }', '/v1/files/'],
    ['{ origin: library, elytron: {} }', '/v2/'],
    ['{ origin: library }', '/v1/'],
    ['{ origin: library, path: /media/ }', '/assets/'],
  ])('%s leave the route %s alone', (apis, path) => {
    expect(problemsOf(apis, withRoute(path))).toEqual([])
  })

  it('and of the catalogue are no route of their own', () => {
    const expected = ['routes[0].path: is the path of apis as well']
    expect(problemsOf('{ origin: library }', withRoute('/assets/'))).toEqual(expected)
    expect(problemsOf('{ origin: library, path: /m/ }', withRoute('/m/'))).toEqual(expected)
  })
})
