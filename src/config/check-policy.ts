import { parseConfiguredNetwork } from '../base/configured-network.ts'
import { ANONYMIZERS, type Anonymizer } from '../base/network-facts.ts'
import { anonymizersTold } from './check-lists.ts'
import { itemsAt, keysAt, numberAt, textAt } from './draft.ts'
import { DEFAULT_MAX_SECONDS } from './policy-schema.ts'
import type { Finding } from './problem.ts'
import { didYouMean } from './suggestion.ts'

/** What a policy may build on. */
export interface PolicySurroundings {
  readonly lists: readonly string[]
  /** Whether AS numbers are known. */
  readonly hasAsn: boolean
  /** Kinds of anonymizers that some data tell. */
  readonly anonymizers: ReadonlySet<Anonymizer>
}

/** What the gateway's data give to policies. Works on data that may not have passed the schema. */
export function policySurroundings(data: unknown): PolicySurroundings {
  return {
    lists: keysAt(data, ['lists']),
    hasAsn: textAt(data, ['geo', 'asn']) !== undefined,
    anonymizers: anonymizersTold(data),
  }
}

/** What no field of a policy can say alone. Works on data that may not have passed the schema. */
export function checkPolicy(data: unknown, { lists, hasAsn }: PolicySurroundings): Finding[] {
  return [
    ...defaultAboveMaximum(data),
    ...unknownLists(data, lists),
    ...(hasAsn ? [] : asnTolerance(data)),
  ]
}

/** What a policy asks for and no data can tell: it works, but not as its author thinks. */
export function* doubtfulPolicy(
  data: unknown,
  { hasAsn, anonymizers }: PolicySurroundings,
): Generator<Finding> {
  yield* uselessEdge(data)
  for (const name of ANONYMIZERS) {
    const path = ['antiFraud', 'anonymizers', name]
    if (textAt(data, path) !== 'deny' || anonymizers.has(name)) continue
    const source = name === 'relay' ? 'set' : 'set geo.anonymous or'
    const message = `nothing tells which addresses are ${name}: ${source} a list with anonymizer: ${name}`
    yield { path, message }
  }
  if (hasAsn) return
  for (const path of [
    ['antiFraud', 'sharing', 'maxAsns'],
    ['antiFraud', 'sharing', 'subject', 'maxAsns'],
  ]) {
    if (numberAt(data, path) === undefined) continue
    yield { path, message: 'nothing tells AS numbers, so none is counted: set geo.asn' }
  }
}

/** What asks for every request, so that no answer is for caches. */
function* uselessEdge(data: unknown): Generator<Finding> {
  const path = ['delivery', 'cache']
  if (textAt(data, path) !== 'edge') return
  const isOther = (at: readonly string[], value: string): boolean =>
    (textAt(data, at) ?? value) !== value
  const settings = [
    ...(isOther(['address', 'pin'], 'optional') ? ['address.pin'] : []),
    ...(isOther(['delivery', 'offload'], 'none') ? ['delivery.offload'] : []),
    ...COUNTED.filter((at) => numberAt(data, at) !== undefined).map((at) => at.join('.')),
    ...WHO_MAY.filter((at) => itemsAt(data, at).length > 0).map((at) => at.join('.')),
  ]
  for (const setting of settings) {
    yield { path, message: `caches keep nothing: ${setting} needs every request here` }
  }
}

const COUNTED = [
  ['parallel', 'maxDownloads'],
  ['uses', 'max'],
  ['rate', 'bytesPerSecond'],
]
const WHO_MAY = [
  ['countries', 'allow'],
  ['countries', 'block'],
  ['networks', 'allow'],
  ['networks', 'block'],
  ['referrers', 'allow'],
]

function* asnTolerance(data: unknown): Generator<Finding> {
  const path = ['address', 'tolerance']
  if (textAt(data, path) !== 'asn') return
  yield { path, message: 'asn needs AS numbers of addresses: set geo.asn in the gateway config' }
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
