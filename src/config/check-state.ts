import { parseStateUrl } from '../base/state-url.ts'
import { variableOf } from './check-gateway.ts'
import { keysAt, textAt } from './draft.ts'
import type { Finding } from './problem.ts'
import { type Environment, whyUnusable } from './resolve-config.ts'

/** Members of `state` that the embedded state has no use for. */
const SHARED_ONLY = [
  'url',
  'onUnavailable',
  'prefix',
  'username',
  'password',
  'sentinelUsername',
  'sentinelPassword',
  'ca',
]

/** What the members of `state` say together, and what lies behind the variables that they name. */
export function* checkState(
  data: unknown,
  place: (path: string) => string,
  env: Environment,
): Generator<Finding> {
  const present = keysAt(data, ['state'])
  if ((textAt(data, ['state', 'driver']) ?? 'embedded') === 'embedded') {
    for (const name of SHARED_ONLY.filter((member) => present.includes(member))) {
      yield { path: ['state', name], message: 'needs state.driver valkey' }
    }
    return
  }
  if (!present.includes('url')) {
    yield { path: ['state', 'driver'], message: 'valkey needs state.url' }
  }
  for (const name of SHARED_ONLY) {
    const variable = variableOf(textAt(data, ['state', name]))
    if (variable === undefined || env[variable]) continue
    yield { path: ['state', name], message: `the environment has no variable ${variable}` }
  }
  yield* urlProblems(data, env)
  const ca = textAt(data, ['state', 'ca'])
  const wrong = ca ? whyUnusable(place(ca), false) : undefined
  if (wrong !== undefined) yield { path: ['state', 'ca'], message: wrong }
}

function* urlProblems(data: unknown, env: Environment): Generator<Finding> {
  const path = ['state', 'url']
  const text = textAt(data, path) ?? ''
  const variable = variableOf(text)
  const url = variable === undefined ? text : env[variable]
  if (!url) return
  const address = parseStateUrl(url)
  if (typeof address === 'string') {
    // what stands in the file itself is judged by the schema
    if (variable !== undefined) yield { path, message: `the variable ${variable}: ${address}` }
    return
  }
  if (!address.isTls && textAt(data, ['state', 'ca']) !== undefined) {
    yield { path: ['state', 'ca'], message: 'needs a URL with TLS, as rediss://' }
  }
  for (const name of ['sentinelUsername', 'sentinelPassword']) {
    if (address.kind === 'sentinel' || textAt(data, ['state', name]) === undefined) continue
    yield { path: ['state', name], message: 'needs a URL of Sentinels, as redis+sentinel://' }
  }
}
