import { parseDocument } from 'yaml'
import type { z } from 'zod'
import { keysAt, valueAt } from './draft.ts'
import { formatPath, type PathSegment, type Problem } from './problem.ts'
import { shapeOf, stepShape } from './schema-shape.ts'
import { didYouMean, fold } from './suggestion.ts'

/** One value from the environment or from `--set`, on its way over the file. */
export interface Setting {
  readonly source: 'environment' | '--set'
  readonly name: string
  readonly path: readonly PathSegment[]
  readonly value: unknown
}

export interface ReadSettings {
  readonly settings: readonly Setting[]
  readonly problems: readonly Problem[]
}

const PREFIX = 'SLUICE_'
/** Variables that name no setting: where the config file lies. */
const OTHER_VARIABLES = new Set(['SLUICE_CONFIG'])

/**
 * Reads `SLUICE_SERVER__PORT=9000`: a double underscore nests; case and single underscores do not
 * count. Names that operators gave (origins, lists) are matched with those of the file.
 */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  schema: z.core.$ZodType,
  data: unknown,
): ReadSettings {
  const settings: Setting[] = []
  const problems: Problem[] = []
  for (const name of Object.keys(env).toSorted()) {
    const value = env[name]
    if (value === undefined || !name.startsWith(PREFIX) || OTHER_VARIABLES.has(name)) continue
    const resolved = resolveName(name.slice(PREFIX.length), schema, data)
    const say = (message: string): void => {
      problems.push({ source: 'environment', name, path: formatPath(resolved.path), message })
    }
    if ('unknown' in resolved) {
      say(`no such setting: ${resolved.unknown}${didYouMean(resolved.unknown, resolved.known)}`)
      continue
    }
    const parsed = parseValue(value)
    if (parsed.ok)
      settings.push({ source: 'environment', name, path: resolved.path, value: parsed.value })
    else say(parsed.why)
  }
  return { settings, problems }
}

type ResolvedName =
  | { readonly path: readonly PathSegment[] }
  | {
      readonly path: readonly PathSegment[]
      readonly unknown: string
      readonly known: readonly string[]
    }

function resolveName(name: string, schema: z.core.$ZodType, data: unknown): ResolvedName {
  const path: PathSegment[] = []
  let at = schema
  for (const part of name.split('__')) {
    const shape = shapeOf(at, valueAt(data, path))
    const known = shape.kind === 'fields' ? [...shape.fields.keys()] : keysAt(data, path)
    const segment =
      shape.kind === 'items' && /^\d{1,4}$/.test(part)
        ? Number(part)
        : (known.find((key) => fold(key) === fold(part)) ??
          (shape.kind === 'names' ? part.toLowerCase() : undefined))
    const next = segment === undefined || segment === '' ? undefined : stepShape(shape, segment)
    if (segment === undefined || !next) return { path, unknown: part, known }
    path.push(segment)
    at = next
  }
  return { path }
}

/** Reads `--set a.b=v` and `--set routes.0.policy=v`: keys as they stand in the file. */
export function readSetOptions(texts: readonly string[]): ReadSettings {
  const settings: Setting[] = []
  const problems: Problem[] = []
  for (const text of texts) {
    const equals = text.indexOf('=')
    const name = equals < 0 ? text : text.slice(0, equals)
    const segments = name.split('.').map((part) => (/^\d{1,4}$/.test(part) ? Number(part) : part))
    if (equals < 0 || segments.includes('')) {
      problems.push({
        source: '--set',
        name,
        path: '(file)',
        message: 'expected a setting as a.b=value',
      })
      continue
    }
    const parsed = parseValue(text.slice(equals + 1))
    if (parsed.ok) settings.push({ source: '--set', name, path: segments, value: parsed.value })
    else problems.push({ source: '--set', name, path: formatPath(segments), message: parsed.why })
  }
  return { settings, problems }
}

/** A value is YAML, so numbers, booleans and `[a, b]` work as in the file. */
function parseValue(text: string): { ok: true; value: unknown } | { ok: false; why: string } {
  try {
    const document = parseDocument(text, {
      prettyErrors: false,
      logLevel: 'silent',
      stringKeys: true,
    })
    if (document.errors.length === 0) return { ok: true, value: document.toJS() as unknown }
  } catch {
    // nested or aliased beyond what the parser takes: refused like any broken value
  }
  return { ok: false, why: 'the value is not YAML; quote it if it is text' }
}
