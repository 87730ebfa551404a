import { API_NAMES, API_PATHS } from './apis-schema.ts'
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
  const on = API_NAMES.filter((name) => valueAt(data, ['apis', name]) !== undefined)
  for (const i of itemsAt(data, ['routes']).keys()) {
    const path = textAt(data, ['routes', i, 'path'])
    if (path === undefined || path === '/') continue
    const api = on.find((name) =>
      API_PATHS[name].some((taken) => taken.startsWith(path) || path.startsWith(taken)),
    )
    if (api !== undefined) {
      yield { path: ['routes', i, 'path'], message: `the API ${api} lies there (apis.${api})` }
    } else if (path === own) {
      yield { path: ['routes', i, 'path'], message: 'is the path of apis as well' }
    }
  }
}
