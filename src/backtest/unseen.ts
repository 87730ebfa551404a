import type { Policy } from '../policy/policy.ts'

/** A policy as far as records show what it asks for, and in words what had to be left out. */
export interface VisiblePolicy {
  readonly policy: Policy
  readonly notes: readonly string[]
}

const ALWAYS = [
  'what a link itself asks for is in no record: refusals for its times, addresses, accessRules and limits, and for revocations, stand as they were',
  'prefetches and preview bots count as people: records hold no header that tells them',
]

/** Takes out of a policy what no record can show. Nothing of it goes unsaid. */
export function visiblePart(policy: Policy): VisiblePolicy {
  const { address, antiFraud, referrers, uses, rate } = policy
  const isRequired = address.pin === 'required'
  const notes = [...ALWAYS]
  if (referrers.allow.length > 0) {
    notes.push('referrers is not judged: records hold no Referer')
  }
  if (isRequired) {
    notes.push(
      'address.pin required is not judged: records do not say whether a link has an address',
    )
  }
  if (address.pin === 'first-use') {
    notes.push('address.pin first-use binds every link: records do not say which have an address')
  }
  if (uses.max !== undefined) {
    notes.push('uses count when a request ends, by its coverage then')
  }
  if (antiFraud.sharing.heuristics.minSignals !== undefined) {
    notes.push('the signal proxy_headers is never seen: records hold no header that tells it')
  }
  if (rate.bytesPerSecond !== undefined) {
    notes.push('rate is not simulated: requests take the time that they took')
  }
  return {
    policy: {
      ...policy,
      address: isRequired ? { ...address, pin: 'optional' } : address,
      referrers: { ...referrers, allow: [] },
    },
    notes,
  }
}
