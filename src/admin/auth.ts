import { equalBytes, sha256 } from '../base/bytes.ts'
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
  const token = findToken(authorization, tokens)
  if (!token) return problem('unauthorized', { headers: { 'WWW-Authenticate': 'Bearer' } })
  const isInScope =
    token.scopes.includes('*') || access.some((scope) => token.scopes.includes(scope))
  if (!isInScope) return problem('forbidden', { detail: `needs the scope ${access.join(' or ')}` })
  return { actor: token.id }
}

/** Compares with every token, so that the time tells neither which one fits nor how much of it. */
function findToken(
  authorization: string | undefined,
  tokens: readonly AdminToken[],
): AdminToken | undefined {
  const text = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1]
  if (text === undefined) return undefined
  const presented = sha256(text)
  let found: AdminToken | undefined
  for (const token of tokens) {
    if (equalBytes(presented, Buffer.from(token.sha256, 'hex'))) found = token
  }
  return found
}
