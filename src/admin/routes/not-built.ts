import { type Endpoint, endpoint } from '../endpoint.ts'
import type { Access } from '../auth.ts'
import { problem } from '../problem.ts'

/** Endpoints that are planned and that this version lacks: refused by name, never mistaken for a typo. */
function notBuilt(
  method: Endpoint['method'],
  path: string,
  access: Access,
  what: string,
): Endpoint {
  return endpoint({
    method,
    path,
    access,
    summary: `${what}: not built yet`,
    replies: {},
    problems: ['not_built_yet'],
    handle: () => problem('not_built_yet', { detail: `${what} (${method} ${path})` }),
  })
}

export const notBuiltEndpoints: readonly Endpoint[] = [
  notBuilt('GET', '/', 'public', 'The dashboard'),
]
