import { findBearer } from '../base/bearer.ts'
import type { TOKEN_SCOPES } from '../config/key-schema.ts'
import type { AdminToken } from '../config/keys.ts'
import { problem, type Problem } from './problem.ts'

type TokenScope = (typeof TOKEN_SCOPES)[number]

/** Who may call: anyone, or a token with any one of these scopes. */
export type Access = 'public' | readonly [TokenScope, ...TokenScope[]]

/** The actor of public endpoints, which change nothing. */
const NOBODY = 'nobody'

/** The id of the token that may call, or why the request goes no further. */
export function admit(
  access: Access,
  authorization: string | undefined,
  tokens: readonly AdminToken[],
): { readonly actor: string } | Problem {
  if (access === 'public') return { actor: NOBODY }
  const token = findBearer(authorization, tokens, ({ sha256 }) => Buffer.from(sha256, 'hex'))
  if (!token) return problem('unauthorized', { headers: { 'WWW-Authenticate': 'Bearer' } })
  const isInScope =
    token.scopes.includes('*') || access.some((scope) => token.scopes.includes(scope))
  if (!isInScope) return problem('forbidden', { detail: `needs the scope ${access.join(' or ')}` })
  return { actor: token.id }
}
