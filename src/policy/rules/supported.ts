import { refuse } from '../../base/refusal.ts'
import { always, type Rule } from '../rule.ts'

/** A link must not ask for what this build cannot enforce: passing it would open what it closes. */
export const asksForNothingUnbuilt: Rule = {
  name: 'supported',
  enforcement: always,
  check(grant) {
    const { anti_fraud, autograph_tag } = grant.constraints
    if (anti_fraud === true) {
      return refuse('link_constraint_unsupported', 'anti_fraud is not built yet')
    }
    return autograph_tag === undefined
      ? undefined
      : refuse('link_constraint_unsupported', 'autograph_tag is not built yet')
  },
}
