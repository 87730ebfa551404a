import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import {
  type ConfigSources,
  formatProblem,
  loadConfig,
  type LoadedConfig,
} from '../../../src/config/load.ts'
import { checkListFiles } from '../../../src/config/load-lists.ts'

/** A gateway file without a problem. */
export const GATEWAY = `origins:
  library: { type: file, root: library }
routes:
  - { path: /files/, origin: library, schemes: [sluice-hmac], policy: default }
keys: { directory: keys }
admin: { tokens: keys/admin-tokens.json }
`

export interface ConfigFolder {
  readonly root: string
  path(name: string): string
  write(name: string, text: string, mode?: number): string
  load(sources?: Omit<ConfigSources, 'file'>): LoadedConfig
  /** The problems as `sluice check` prints them, with paths relative to the folder. */
  problems(sources?: Omit<ConfigSources, 'file'>): string[]
}

/** A folder with a gateway, a policy and an origin in order, and the given files over them. */
export function configFolder(files: Readonly<Record<string, string>> = {}): ConfigFolder {
  const root = mkdtempSync(join(tmpdir(), 'sluice-config-'))
  onTestFinished(() => {
    rmSync(root, { recursive: true, force: true })
  })
  const path = (name: string): string => join(root, name)
  const write = (name: string, text: string, mode = 0o600): string => {
    mkdirSync(dirname(path(name)), { recursive: true })
    writeFileSync(path(name), text)
    chmodSync(path(name), mode)
    return path(name)
  }
  const load = (sources?: Omit<ConfigSources, 'file'>): LoadedConfig =>
    loadConfig({ file: path('gateway.yaml'), ...sources })
  mkdirSync(path('library'))
  const all = {
    'gateway.yaml': GATEWAY,
    'policies/default.yaml': 'enforcement: enforce\n',
    ...files,
  }
  for (const [name, text] of Object.entries(all)) write(name, text)
  return {
    root,
    path,
    write,
    load,
    problems(sources) {
      const { problems, lists } = load(sources)
      return [...problems, ...checkListFiles(lists)].map((problem) =>
        formatProblem(problem).replaceAll(`${root}/`, ''),
      )
    },
  }
}

/** The problems of a gateway file alone. */
export function gatewayProblems(gateway: string, sources?: Omit<ConfigSources, 'file'>): string[] {
  return configFolder({ 'gateway.yaml': gateway }).problems(sources)
}

/** The problems of a policy file alone. */
export function policyProblems(policy: string): string[] {
  return configFolder({ 'policies/default.yaml': policy }).problems()
}
