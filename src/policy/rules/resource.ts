import { refuse } from '../../base/refusal.ts'
import { covers, describeResource } from '../../link/grant.ts'
import { always, type Rule } from '../rule.ts'

/** The path is the one that was signed, or lies below the prefix that was. */
export const coversPath: Rule = {
  name: 'resource',
  enforcement: always,
  check: (grant, context) =>
    covers(grant.resource, context)
      ? undefined
      : refuse('link_resource_mismatch', `the link is for ${describeResource(grant.resource)}`),
}
