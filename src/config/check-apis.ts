import { API_NAMES, API_PATHS, type ApiName } from './apis-schema.ts'
import { itemsAt, keysAt, textAt, valueAt } from './draft.ts'
import type { Finding } from './problem.ts'
import { didYouMean } from './suggestion.ts'

/** What the section `apis` cannot say alone: what it names exists, and no route takes its paths. */
export function* checkApis(
  data: unknown,
  policyNames: readonly string[] | undefined,
): Generator<Finding> {
  if (keysAt(data, ['apis']).length === 0) return
  const origins = keysAt(data, ['origins'])
  const origin = textAt(data, ['apis', 'origin'])
  if (origin !== undefined && !origins.includes(origin)) {
    const message = `there is no origin ${origin}${didYouMean(origin, origins)}`
    yield { path: ['apis', 'origin'], message }
  } else if (origin !== undefined && textAt(data, ['origins', origin, 'type']) !== 'file') {
    const message = 'must be a file origin: renditions and fetched files are written to it'
    yield { path: ['apis', 'origin'], message }
  }
  const policy = textAt(data, ['apis', 'policy']) ?? 'default'
  if (policyNames && !policyNames.includes(policy)) {
    const message = `there is no policy ${policy}${didYouMean(policy, policyNames)}`
    yield { path: ['apis', 'policy'], message }
  }
  yield* takenPaths(data)
}

function* takenPaths(data: unknown): Generator<Finding> {
  const own = textAt(data, ['apis', 'path']) ?? '/assets/'
  const taken = apiAt(data, own)
  if (taken !== undefined) {
    yield { path: ['apis', 'path'], message: `the API ${taken} lies there (apis.${taken})` }
  }
  for (const i of itemsAt(data, ['routes']).keys()) {
    const path = textAt(data, ['routes', i, 'path'])
    const api = path === undefined ? undefined : apiAt(data, path)
    if (api !== undefined) {
      yield { path: ['routes', i, 'path'], message: `the API ${api} lies there (apis.${api})` }
    } else if (path === own) {
      yield { path: ['routes', i, 'path'], message: 'is the path of apis as well' }
    }
  }
}

/** The API whose endpoints a path covers or lies among. APIs come before a route for everything. */
function apiAt(data: unknown, path: string): ApiName | undefined {
  if (path === '/') return undefined
  return API_NAMES.find(
    (name) =>
      valueAt(data, ['apis', name]) !== undefined &&
      API_PATHS[name].some((taken) => taken.startsWith(path) || path.startsWith(taken)),
  )
}
