import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { valueAt } from './draft.ts'
import { openJson, placed } from './key-file.ts'
import { keyMaterial, type KeyMaterial } from './key-material.ts'
import { type AdminToken, adminTokensSchema, jwkSchema } from './key-schema.ts'
import { fileProblem, type PathSegment, type Problem, reasonOf } from './problem.ts'
import type { SourceDocument } from './source-document.ts'

export type { KeyMaterial } from './key-material.ts'
export type { AdminToken, KeyAlgorithm } from './key-schema.ts'

export interface LoadedKeys {
  /** The keys that are in order; others have problems. */
  readonly keys: readonly KeyMaterial[]
  readonly problems: readonly Problem[]
  /** What works and should not stay: files that others may read. */
  readonly warnings: readonly Problem[]
}

export interface LoadedAdminTokens {
  readonly tokens: readonly AdminToken[]
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}

/** Files of a key directory that hold no keys. */
const OTHER_FILES = new Set(['admin-tokens.json', 'clients.json'])

/**
 * Loads every JWK and JWK Set of a directory. A directory that does not exist holds no keys: they
 * are made at first start. `tokensFile` is left out if it lies there under another name.
 */
export function loadKeys(directory: string, tokensFile?: string): LoadedKeys {
  let names: string[]
  try {
    names = readdirSync(directory).toSorted()
  } catch (error) {
    const problems =
      reasonOf(error) === 'ENOENT'
        ? []
        : [fileProblem(directory, `cannot be read: ${reasonOf(error)}`)]
    return { keys: [], problems, warnings: [] }
  }
  const keys = new Map<string, KeyMaterial>()
  const problems: Problem[] = []
  const warnings: Problem[] = []
  for (const name of names) {
    const file = join(directory, name)
    if (
      !name.endsWith('.json') ||
      name.startsWith('.') ||
      OTHER_FILES.has(name) ||
      file === tokensFile
    )
      continue
    const opened = openJson(file)
    problems.push(...opened.problems)
    warnings.push(...opened.warnings)
    if (!opened.document) continue
    for (const path of jwkPaths(opened.data)) {
      problems.push(...addKey(opened.document, opened.data, path, keys))
    }
  }
  return { keys: [...keys.values()], problems, warnings }
}

/** Loads the hashes of admin tokens. A file that does not exist holds none: it is made at first start. */
export function loadAdminTokens(file: string): LoadedAdminTokens {
  const { document, data, problems, warnings, isMissing } = openJson(file)
  if (isMissing) return { tokens: [], problems: [], warnings: [] }
  if (!document) return { tokens: [], problems, warnings }
  const result = adminTokensSchema.safeParse(data)
  if (!result.success) {
    return {
      tokens: [],
      problems: placed(adminTokensSchema, data, result.error, document, []),
      warnings,
    }
  }
  const tokens = result.data.map((token) => ({ ...token, sha256: token.sha256.toLowerCase() }))
  const repeated = tokens.flatMap((token, i) =>
    tokens.findIndex((other) => other.id === token.id) === i
      ? []
      : [document.locate({ path: [i, 'id'], message: `the id ${token.id} is used twice` })],
  )
  return { tokens, problems: repeated, warnings }
}

/** A JWK Set has `keys`; anything else is read as one JWK. */
export function jwkPaths(data: unknown): readonly PathSegment[][] {
  const keys = valueAt(data, ['keys'])
  return Array.isArray(keys) ? keys.map((_, i) => ['keys', i]) : [[]]
}

function addKey(
  document: SourceDocument,
  data: unknown,
  path: readonly PathSegment[],
  keys: Map<string, KeyMaterial>,
): readonly Problem[] {
  const jwk = valueAt(data, path)
  const result = jwkSchema.safeParse(jwk)
  if (!result.success) return placed(jwkSchema, jwk, result.error, document, path)
  const made = keyMaterial(result.data, document.file)
  if (!('kid' in made)) {
    return made.map((finding) => document.locate({ ...finding, path: [...path, ...finding.path] }))
  }
  const other = keys.get(made.kid)
  if (other) {
    const message = `the kid ${made.kid} is used in ${basename(other.file)} as well`
    return [document.locate({ path: [...path, 'kid'], message })]
  }
  keys.set(made.kid, made)
  return []
}
