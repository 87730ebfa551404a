import { parseConfiguredNetwork } from '../base/configured-network.ts'
import { checkApis } from './check-apis.ts'
import { checkLists } from './check-lists.ts'
import { schemeDefinition } from '../link/schemes/registry.ts'
import { itemsAt, keysAt, numberAt, textAt, valueAt } from './draft.ts'
import type { Finding, PathSegment } from './problem.ts'
import { didYouMean } from './suggestion.ts'

export interface GatewaySurroundings {
  /** Undefined when the directory of policies could not be read: then names cannot be checked. */
  readonly policyNames: readonly string[] | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

/** What no field can say alone. Works on data that may not have passed the schema. */
export function checkGateway(data: unknown, surroundings: GatewaySurroundings): Finding[] {
  return [
    ...everyAddressTrusted(data),
    ...sameListener(data),
    ...routeNames(data, surroundings.policyNames),
    ...repeatedRoutes(data),
    ...repeatedSchemes(data),
    ...likeSchemes(data),
    ...missingVariables(data, surroundings.env),
    ...checkLists(data),
    ...checkApis(data, surroundings.policyNames),
  ]
}

function* everyAddressTrusted(data: unknown): Generator<Finding> {
  if (valueAt(data, ['server', 'trustAllProxies']) === true) return
  for (const [i, entry] of itemsAt(data, ['server', 'trustedProxies']).entries()) {
    if (typeof entry !== 'string' || parseConfiguredNetwork(entry)?.prefix !== 0) continue
    const message =
      'trusts every address, so clients may claim any; set server.trustAllProxies if that is meant'
    yield { path: ['server', 'trustedProxies', i], message }
  }
}

function* sameListener(data: unknown): Generator<Finding> {
  const place = (side: string, port: number): string =>
    `${textAt(data, [side, 'host']) ?? '127.0.0.1'} ${numberAt(data, [side, 'port']) ?? port}`
  if (numberAt(data, ['admin', 'port']) === 0 || place('server', 8080) !== place('admin', 8081))
    return
  yield { path: ['admin', 'port'], message: 'is the host and port of server as well' }
}

function* routeNames(
  data: unknown,
  policyNames: readonly string[] | undefined,
): Generator<Finding> {
  const origins = keysAt(data, ['origins'])
  for (const i of itemsAt(data, ['routes']).keys()) {
    const origin = textAt(data, ['routes', i, 'origin'])
    if (origin !== undefined && !origins.includes(origin)) {
      yield {
        path: ['routes', i, 'origin'],
        message: `there is no origin ${origin}${didYouMean(origin, origins)}`,
      }
    }
    const policy = textAt(data, ['routes', i, 'policy']) ?? 'default'
    if (policyNames && !policyNames.includes(policy)) {
      yield {
        path: ['routes', i, 'policy'],
        message: `there is no policy ${policy}${didYouMean(policy, policyNames)}`,
      }
    }
  }
}

function* repeatedRoutes(data: unknown): Generator<Finding> {
  const paths = itemsAt(data, ['routes']).map((_, i) => textAt(data, ['routes', i, 'path']))
  for (const [i, path] of paths.entries()) {
    const first = paths.indexOf(path)
    if (path === undefined || first === i) continue
    yield { path: ['routes', i, 'path'], message: `is the path of routes[${first}] as well` }
  }
}

function* repeatedSchemes(data: unknown): Generator<Finding> {
  for (const i of itemsAt(data, ['routes']).keys()) {
    const at: PathSegment[] = ['routes', i, 'schemes']
    const names = itemsAt(data, at).map(
      (_, j) => textAt(data, [...at, j]) ?? textAt(data, [...at, j, 'name']),
    )
    for (const [j, name] of names.entries()) {
      if (name !== undefined && names.indexOf(name) !== j) {
        yield { path: [...at, j], message: `the route names ${name} twice` }
      }
    }
  }
}

/** Two formats of one route whose links could not be told apart. */
function* likeSchemes(data: unknown): Generator<Finding> {
  for (const i of itemsAt(data, ['routes']).keys()) {
    const at: PathSegment[] = ['routes', i, 'schemes']
    const marked = new Map<string, string>()
    for (const [j, entry] of itemsAt(data, at).entries()) {
      const { name, ...given } = typeof entry === 'string' ? { name: entry } : Object(entry)
      const definition = schemeDefinition(String(name))
      const options = definition?.options.safeParse(given)
      if (!definition || !options?.success) continue
      for (const mark of definition.marks(options.data)) {
        const other = marked.get(mark)
        if (other !== undefined && other !== name) {
          yield { path: [...at, j], message: `links of ${name} and ${other} look alike (${mark})` }
          break
        }
        marked.set(mark, String(name))
      }
    }
  }
}

/** Formats that are no better than MD5: right for links that are out there, not for new ones. */
export function* weakSchemes(data: unknown): Generator<Finding> {
  for (const i of itemsAt(data, ['routes']).keys()) {
    const at: PathSegment[] = ['routes', i, 'schemes']
    for (const j of itemsAt(data, at).keys()) {
      const name = textAt(data, [...at, j]) ?? textAt(data, [...at, j, 'name'])
      if (name === undefined || schemeDefinition(name)?.algorithms[0] !== 'MD5') continue
      yield {
        path: [...at, j],
        message: `links of ${name} are signed with MD5, which is weak: keep them short-lived`,
      }
    }
  }
}

/** What may be read from a variable, beside headers. */
const CREDENTIALS = ['accessKeyId', 'secretAccessKey', 'sessionToken']

function* missingVariables(data: unknown, env: GatewaySurroundings['env']): Generator<Finding> {
  for (const section of ['origins', 'lists']) {
    for (const name of keysAt(data, [section])) {
      const headers = keysAt(data, [section, name, 'headers']).map((header) => ['headers', header])
      for (const member of [...headers, ...CREDENTIALS.map((credential) => [credential])]) {
        const path = [section, name, ...member]
        const variable = variableOf(textAt(data, path))
        if (variable === undefined || env[variable]) continue
        yield { path, message: `the environment has no variable ${variable}` }
      }
    }
  }
}

/** The variable that a value `env:NAME` stands for. */
export function variableOf(value: string | undefined): string | undefined {
  return value?.startsWith('env:') ? value.slice('env:'.length) : undefined
}
