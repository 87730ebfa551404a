import { always, type Rule } from '../rule.ts'

/** What the link's own format says of requests, beyond the native constraints. */
export const meetsConditions: Rule = {
  name: 'conditions',
  enforcement: always,
  check(grant, context) {
    for (const condition of grant.conditions ?? []) {
      const refusal = condition.check(context)
      if (refusal) return refusal
    }
    return undefined
  },
}
