import { accessSync, constants, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ApisConfig } from './apis-schema.ts'
import { NETWORK_DATA } from '../geo/network-lookup.ts'
import type { ListConfig } from '../lists/list-config.ts'
import { variableOf } from './check-gateway.ts'
import { keysAt, textAt } from './draft.ts'
import { type Finding, reasonOf } from './problem.ts'
import type { GatewayConfig, OriginConfig } from './schema.ts'
import type { StateConfig } from './state-schema.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** The config with absolute paths and with the values of the variables that it names. */
export function resolveConfig(
  config: GatewayConfig,
  folder: string,
  env: Environment,
): GatewayConfig {
  const absolute = (path: string): string => resolve(folder, path)
  const recordFile = (path: string): string => (path === 'stdout' ? path : absolute(path))
  return {
    ...config,
    server: resolveServer(config.server, absolute),
    admin: { ...config.admin, tokens: absolute(config.admin.tokens) },
    state: resolveState(config.state, absolute, env),
    keys: { ...config.keys, directory: absolute(config.keys.directory) },
    geo: resolveGeo(config.geo, absolute),
    lists: mapValues(config.lists, (list) => resolveList(list, absolute, env)),
    origins: mapValues(config.origins, (origin) => resolveOrigin(origin, absolute, env)),
    ...(config.apis && { apis: resolveApis(config.apis, absolute) }),
    policies: absolute(config.policies),
    records: { access: recordFile(config.records.access), audit: recordFile(config.records.audit) },
  }
}

function resolveServer(
  server: GatewayConfig['server'],
  absolute: (path: string) => string,
): GatewayConfig['server'] {
  if (!server.tls) return server
  const { cert, key } = server.tls
  return { ...server, tls: { cert: absolute(cert), key: absolute(key) } }
}

function resolveGeo(
  geo: GatewayConfig['geo'],
  absolute: (path: string) => string,
): GatewayConfig['geo'] {
  const files = NETWORK_DATA.flatMap((name) => {
    const file = geo[name]
    return file === undefined ? [] : [[name, absolute(file)] as const]
  })
  return { ...geo, ...Object.fromEntries(files) }
}

function resolveState(
  state: StateConfig,
  absolute: (path: string) => string,
  env: Environment,
): StateConfig {
  const { url, username, password, sentinelUsername, sentinelPassword, ca } = state
  const named = { url, username, password, sentinelUsername, sentinelPassword }
  return {
    ...state,
    directory: absolute(state.directory),
    ...mapValues(named, (value) => (value === undefined ? undefined : filledIn(value, env))),
    ca: ca === undefined ? undefined : absolute(ca),
  }
}

/** A program with a slash in its name lies where the file says, others are found on PATH. */
function resolveApis(apis: ApisConfig, absolute: (path: string) => string): ApisConfig {
  const program = (name: string): string => (name.includes('/') ? absolute(name) : name)
  const { path, probePath } = apis.ffmpeg
  return {
    ...apis,
    ffmpeg: { ...apis.ffmpeg, path: program(path), probePath: program(probePath) },
  }
}

function resolveOrigin(
  origin: OriginConfig,
  absolute: (path: string) => string,
  env: Environment,
): OriginConfig {
  if (origin.type === 'file') return { ...origin, root: absolute(origin.root) }
  const ca = origin.ca === undefined ? {} : { ca: absolute(origin.ca) }
  if (origin.type === 'http') {
    return { ...origin, headers: resolveHeaders(origin.headers, env), ...ca }
  }
  const { accessKeyId, secretAccessKey, sessionToken } = origin
  const secrets = mapValues({ accessKeyId, secretAccessKey, sessionToken }, (value) =>
    value === undefined ? undefined : filledIn(value, env),
  )
  return { ...origin, ...secrets, ...ca }
}

/** A list with its absolute path and with the values of its headers. */
export function resolveList(
  list: ListConfig,
  absolute: (path: string) => string,
  env: Environment,
): ListConfig {
  const headers = resolveHeaders(list.headers, env)
  return { ...list, headers, ...(list.file !== undefined && { file: absolute(list.file) }) }
}

function resolveHeaders(
  headers: Readonly<Record<string, string>>,
  env: Environment,
): Record<string, string> {
  return mapValues(headers, (value) => filledIn(value, env))
}

function filledIn(value: string, env: Environment): string {
  const variable = variableOf(value)
  return variable === undefined ? value : (env[variable] ?? '')
}

function mapValues<V, W>(
  record: Readonly<Record<string, V>>,
  change: (value: V) => W,
): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]))
}

/** Directories and files that origins name and that are not there. */
export function checkOriginFiles(data: unknown, place: (path: string) => string): Finding[] {
  const findings: Finding[] = []
  for (const name of keysAt(data, ['origins'])) {
    const type = textAt(data, ['origins', name, 'type'])
    const member = type === 'file' ? 'root' : 'ca'
    const path = ['origins', name, member]
    const named = textAt(data, path)
    if (!named || (member === 'ca' && type !== 'http' && type !== 's3')) continue
    const wrong = whyUnusable(place(named), member === 'root')
    if (wrong) findings.push({ path, message: wrong })
  }
  return findings
}

export function whyUnusable(path: string, asDirectory: boolean): string | undefined {
  try {
    const stats = statSync(path)
    if (stats.isDirectory() !== asDirectory)
      return asDirectory ? 'is not a directory' : 'is a directory'
    // to open a pipe waits for somebody who writes
    if (!asDirectory && !stats.isFile()) return 'is no regular file'
    accessSync(path, constants.R_OK)
    return undefined
  } catch (error) {
    return `cannot be read: ${reasonOf(error)}`
  }
}
