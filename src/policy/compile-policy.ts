import type { Network } from '../base/address.ts'
import { parseConfiguredNetwork } from '../base/configured-network.ts'
import { ANONYMIZERS } from '../base/network-facts.ts'
import { NetworkSet } from '../base/network-set.ts'
import type { PolicyConfig } from '../config/policy-schema.ts'
import {
  compileIgnored,
  type NamedNetworks,
  type Offload,
  type Policy,
  type PolicySources,
  type SharingLimits,
  type SharingTerms,
} from './policy.ts'

/** A policy file as rules read it: sets built, patterns made. */
export function compilePolicy(name: string, config: PolicyConfig, sources: PolicySources): Policy {
  const { enforcement } = config
  const networks = (entries: readonly string[]): NamedNetworks[] =>
    namedNetworks(entries, name, sources)
  return {
    name,
    enforcement,
    methods: config.methods,
    lifetime: config.lifetime,
    leeway: { enforcement, ...defined(config.leeway) },
    resume: config.resume,
    address: {
      enforcement,
      ...defined(config.address),
      asnOf: (address) => sources.factsOf(address).asn,
    },
    parallel: {
      enforcement,
      ...defined(config.parallel),
      maxDownloads: config.parallel.maxDownloads ?? undefined,
    },
    uses: { enforcement, ...defined(config.uses), max: config.uses.max ?? undefined },
    rate: {
      bytesPerSecond: config.rate.bytesPerSecond ?? undefined,
      countBy: config.rate.countBy,
    },
    countries: {
      enforcement,
      ...defined(config.countries),
      allow: new Set(config.countries.allow),
      block: new Set(config.countries.block),
    },
    networks: {
      enforcement,
      ...defined(config.networks),
      allow: networks(config.networks.allow),
      block: networks(config.networks.block),
    },
    antiFraud: {
      enforcement: config.antiFraud.enforcement ?? enforcement,
      default: config.antiFraud.default,
      lists: networks(config.antiFraud.lists),
      anonymizers: anonymizerTerms(config.antiFraud.anonymizers, name, sources),
      sharing: sharingTerms(config.antiFraud.sharing),
    },
    referrers: { enforcement, ...defined(config.referrers) },
    isIgnoredParameter: compileIgnored(config.ignoredParameters),
    delivery: {
      disposition: config.delivery.disposition,
      edge: config.delivery.cache === 'edge' ? config.delivery.edge : undefined,
      cors: config.delivery.cors,
      offload: offloadOf(config.delivery.offload),
    },
  }
}

/** The CIDRs written in the policy itself make one set; each list stays its own, to be named in records. */
function namedNetworks(
  entries: readonly string[],
  policy: string,
  { list }: PolicySources,
): NamedNetworks[] {
  const own: Network[] = []
  const named: NamedNetworks[] = []
  for (const entry of entries) {
    const network = parseConfiguredNetwork(entry)
    if (network) own.push(network)
    else named.push({ name: entry, networks: () => list(entry) })
  }
  if (own.length > 0) {
    const set = new NetworkSet(own)
    named.unshift({ name: `the networks of policy ${policy}`, networks: () => set })
  }
  return named
}

function anonymizerTerms(
  actions: PolicyConfig['antiFraud']['anonymizers'],
  policy: string,
  sources: PolicySources,
): Policy['antiFraud']['anonymizers'] {
  const terms = ANONYMIZERS.map((anonymizer) => [
    anonymizer,
    {
      action: actions[anonymizer],
      lists: namedNetworks(sources.listsOf(anonymizer), policy, sources),
    },
  ])
  return Object.fromEntries(terms) as Policy['antiFraud']['anonymizers']
}

function sharingTerms(sharing: PolicyConfig['antiFraud']['sharing']): SharingTerms {
  const { heuristics, subject, ...own } = sharing
  return {
    ...own,
    ...sharingLimits(own),
    subject: sharingLimits(subject),
    heuristics: { ...heuristics, minSignals: heuristics.minSignals ?? undefined },
  }
}

function sharingLimits({
  maxNetworks,
  maxAsns,
  maxCountries,
  maxDevices,
}: Record<keyof SharingLimits, number | null>): SharingLimits {
  return {
    maxNetworks: maxNetworks ?? undefined,
    maxAsns: maxAsns ?? undefined,
    maxCountries: maxCountries ?? undefined,
    maxDevices: maxDevices ?? undefined,
  }
}

function offloadOf(setting: string): Offload | undefined {
  if (setting === 'none') return undefined
  if (setting === 'redirect') return { kind: 'redirect' }
  return { kind: 'x-accel', prefix: setting.slice('x-accel:'.length) }
}

/** Without the members that are undefined, so that defaults below them stand. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}
