import { parseConfiguredNetwork } from '../base/configured-network.ts'
import { itemsAt, numberAt } from './draft.ts'
import { DEFAULT_MAX_SECONDS } from './policy-schema.ts'
import type { Finding } from './problem.ts'
import { didYouMean } from './suggestion.ts'

/** What no field of a policy can say alone. Works on data that may not have passed the schema. */
export function checkPolicy(data: unknown, listNames: readonly string[]): Finding[] {
  return [...defaultAboveMaximum(data), ...unknownLists(data, listNames)]
}

function* defaultAboveMaximum(data: unknown): Generator<Finding> {
  const wanted = numberAt(data, ['lifetime', 'defaultSeconds'])
  const maximum = numberAt(data, ['lifetime', 'maxSeconds']) ?? DEFAULT_MAX_SECONDS
  if (wanted === undefined || wanted <= maximum) return
  yield {
    path: ['lifetime', 'defaultSeconds'],
    message: `is above lifetime.maxSeconds (${wanted} > ${maximum})`,
  }
}

function* unknownLists(data: unknown, listNames: readonly string[]): Generator<Finding> {
  for (const at of [
    ['networks', 'allow'],
    ['networks', 'block'],
    ['antiFraud', 'lists'],
  ]) {
    for (const [i, entry] of itemsAt(data, at).entries()) {
      if (typeof entry !== 'string' || parseConfiguredNetwork(entry) || listNames.includes(entry))
        continue
      // what cannot be a name is already refused by the schema
      if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(entry)) continue
      yield {
        path: [...at, i],
        message: `there is no list ${entry}${didYouMean(entry, listNames)}`,
      }
    }
  }
}
