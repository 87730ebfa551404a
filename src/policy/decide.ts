import type { Refusal } from '../base/refusal.ts'
import type { Grant } from '../link/grant.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { Policy } from './policy.ts'
import type { LinkHistory, Rule } from './rule.ts'
import { passesAccessRules } from './rules/access-rules.ts'
import { meetsConditions } from './rules/conditions.ts'
import { isPinnedHere } from './rules/address.ts'
import { isFromAllowedNetwork } from './rules/networks.ts'
import { isAskedByPerson } from './rules/prefetch.ts'
import { isFromAllowedCountry } from './rules/countries.ts'
import { isNoAnonymizer, isNoWatchedAnonymizer } from './rules/anonymizers.ts'
import { isOnNoFraudList } from './rules/fraud-lists.ts'
import { comesFromAllowedPage } from './rules/referrer.ts'
import { coversPath } from './rules/resource.ts'
import { notRevoked } from './rules/revocation.ts'
import { isNotShared } from './rules/sharing.ts'
import { isBegun, isShortEnough, isUnexpired } from './rules/validity.ts'

/** In this order: what the link is for, whether it lives, who asks. What spends something comes after all. */
const RULES: readonly Rule[] = [
  coversPath,
  meetsConditions,
  notRevoked,
  isShortEnough,
  isBegun,
  isUnexpired,
  isPinnedHere,
  passesAccessRules,
  isFromAllowedCountry,
  isFromAllowedNetwork,
  isOnNoFraudList,
  isNoAnonymizer,
  isNoWatchedAnonymizer,
  comesFromAllowedPage,
  isAskedByPerson,
  isNotShared,
]

/** One step of a decision, for people. */
export interface TraceEntry {
  readonly rule: string
  readonly outcome: 'pass' | 'refuse' | 'observe' | 'slow'
  readonly reason?: string
  readonly detail?: string
}

export interface Decision {
  /** Why the request is refused; undefined permits. */
  readonly refusal: Refusal | undefined
  /** What a rule in observe mode would have refused: the first of it. */
  readonly observed: Refusal | undefined
  /** Why the download is slowed. */
  readonly slowed: Refusal | undefined
}

const PERMIT: Decision = { refusal: undefined, observed: undefined, slowed: undefined }

const OUTCOMES = { enforce: 'refuse', always: 'refuse', observe: 'observe', slow: 'slow' } as const

/** Asks every rule in order until one refuses. With a `trace`, asks all of them and writes each down. */
export function decide(
  grant: Grant,
  context: RequestContext,
  policy: Policy,
  history: LinkHistory,
  trace?: TraceEntry[],
): Decision {
  let refusal: Refusal | undefined
  let observed: Refusal | undefined
  let slowed: Refusal | undefined
  for (const rule of RULES) {
    const no = rule.check(grant, context, policy, history)
    if (!no) {
      trace?.push({ rule: rule.name, outcome: 'pass' })
      continue
    }
    const outcome = OUTCOMES[rule.enforcement(policy)]
    trace?.push({ rule: rule.name, outcome, ...no })
    if (outcome === 'observe') observed ??= no
    else if (outcome === 'slow') slowed ??= no
    else if (trace) refusal ??= no
    else return { refusal: no, observed, slowed }
  }
  return refusal || observed || slowed ? { refusal, observed, slowed } : PERMIT
}
