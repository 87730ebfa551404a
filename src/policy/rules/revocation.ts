import { refuse } from '../../base/refusal.ts'
import { always, type Rule } from '../rule.ts'

/** Nobody withdrew the link, its key, its subject or its path. */
export const notRevoked: Rule = {
  name: 'revocation',
  enforcement: always,
  check(grant, context, _policy, history) {
    const by = history.revocation(grant, context.path)
    return by === undefined ? undefined : refuse('link_revoked', by)
  },
}
