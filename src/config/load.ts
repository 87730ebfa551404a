import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { NetworkData } from '../geo/network-data.ts'
import type { ListConfigs } from '../lists/list-config.ts'
import { checkGateway, weakSchemes } from './check-gateway.ts'
import { type ApiClientEntry, loadClients } from './clients.ts'
import { checkOffload } from './check-offload.ts'
import { policySurroundings } from './check-policy.ts'
import { checkOrigins } from './check-origins.ts'
import { checkState } from './check-state.ts'
import { checkTls } from './check-tls.ts'
import { itemsAt, textAt } from './draft.ts'
import { type AdminToken, type KeyMaterial, loadAdminTokens, loadKeys } from './keys.ts'
import { loadNetworkData } from './load-network-data.ts'
import { loadLists } from './load-lists.ts'
import { loadPolicies } from './load-policies.ts'
import { MergedSource } from './merged-source.ts'
import type { PolicyConfig } from './policy-schema.ts'
import { type Finding, fileProblem, type Problem, reasonOf } from './problem.ts'
import { checkOriginFiles, resolveConfig } from './resolve-config.ts'
import { type GatewayConfig, gatewaySchema } from './schema.ts'
import { schemaFindings } from './schema-findings.ts'
import { readEnvironment, readSetOptions } from './settings.ts'
import { SourceDocument } from './source-document.ts'

export { formatProblem, type Problem } from './problem.ts'

export interface ConfigSources {
  /** `gateway.yaml`, or the same in JSON. */
  readonly file: string
  /** `SLUICE_…` variables, and those that header values name. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The texts of `--set a.b=v`. */
  readonly set?: readonly string[]
}

export interface LoadedConfig {
  /** Undefined when there is any problem. Paths are absolute, variables are filled in. */
  readonly config: GatewayConfig | undefined
  readonly policies: ReadonlyMap<string, PolicyConfig>
  /** Lists whose settings are in order; what they hold is loaded apart. */
  readonly lists: ListConfigs
  readonly networks: NetworkData
  /** Empty at first start; `ensureKeys` makes them. */
  readonly keys: readonly KeyMaterial[]
  readonly adminTokens: readonly AdminToken[]
  readonly clients: readonly ApiClientEntry[]
  /** Everything that is wrong in all files, not the first thing only. */
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
  /** Names the config and its policies, for a metric: 16 hex digits. */
  readonly digest: string
}

/** Loads the gateway's file, then environment, then `--set`, and every file that they name. Never throws. */
export function loadConfig({ file, env = {}, set = [] }: ConfigSources): LoadedConfig {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return nothing(fileProblem(file, `cannot be read: ${reasonOf(error)}`))
  }
  const folder = dirname(file)
  const place = (path: string): string => (isAbsolute(path) ? path : join(folder, path))
  const document = new SourceDocument(file, text)
  const fromEnvironment = readEnvironment(env, gatewaySchema, document.data)
  const fromSet = readSetOptions(set)
  const source = new MergedSource(document, [...fromEnvironment.settings, ...fromSet.settings])
  const { data } = source
  const result = gatewaySchema.safeParse(data)

  const policies = loadPolicies(
    place(textAt(data, ['policies']) ?? 'policies/'),
    policySurroundings(data),
  )
  const lists = loadLists(data, place, env)
  const networks = loadNetworkData(data, place)
  const tokensFile = place(textAt(data, ['admin', 'tokens']) ?? '../keys/admin-tokens.json')
  const keysDirectory = place(textAt(data, ['keys', 'directory']) ?? '../keys')
  const keys = loadKeys(keysDirectory, tokensFile)
  const clients = loadClients(join(keysDirectory, 'clients.json'))
  const tokens = loadAdminTokens(tokensFile)

  const tls = checkTls(data, place)
  const findings: Finding[] = [
    ...(result.success ? [] : schemaFindings(gatewaySchema, data, result.error.issues)),
    ...checkGateway(data, { policyNames: policies.names, env }),
    ...checkOffload(data, policies.policies),
    ...checkOriginFiles(data, place),
    ...checkOrigins(data, keys.keys),
    ...checkState(data, place, env),
    ...tls.findings,
    ...lists.findings,
    ...networks.findings,
    ...unreadablePolicies(data, policies.unreadable),
  ]
  // of a file with broken syntax only what lies beside it can be judged
  const isJudged = document.data !== undefined
  const problems = [
    ...document.problems,
    ...fromEnvironment.problems,
    ...fromSet.problems,
    ...source.problems,
    ...(isJudged ? inOrder(findings.map((finding) => source.locate(finding))) : []),
    ...policies.problems,
    ...keys.problems,
    ...tokens.problems,
    ...clients.problems,
  ]
  const config =
    problems.length === 0 && result.success ? resolveConfig(result.data, folder, env) : undefined
  return {
    config,
    policies: policies.policies,
    lists: lists.lists,
    networks: networks.networks,
    keys: keys.keys,
    adminTokens: tokens.tokens,
    clients: clients.clients,
    problems,
    warnings: [
      ...(isJudged
        ? [...tls.warnings, ...weakSchemes(data)].map((finding) => source.locate(finding))
        : []),
      ...tls.fileWarnings,
      ...policies.warnings,
      ...keys.warnings,
      ...tokens.warnings,
      ...clients.warnings,
    ],
    digest: hash('sha256', JSON.stringify([config, [...policies.policies]])).slice(0, 16),
  }
}

function nothing(problem: Problem): LoadedConfig {
  return {
    config: undefined,
    policies: new Map(),
    lists: {},
    networks: new NetworkData({}),
    keys: [],
    adminTokens: [],
    clients: [],
    problems: [problem],
    warnings: [],
    digest: '',
  }
}

/** A directory without policies matters as soon as a route is there to name one. */
function unreadablePolicies(data: unknown, reason: string | undefined): Finding[] {
  const isNeeded = textAt(data, ['policies']) !== undefined || itemsAt(data, ['routes']).length > 0
  return reason !== undefined && isNeeded
    ? [{ path: ['policies'], message: `cannot be read: ${reason}` }]
    : []
}

function inOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted(
    (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  )
}
