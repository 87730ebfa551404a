import type { Network } from '../base/address.ts'
import { parseConfiguredNetwork } from '../base/configured-network.ts'
import { NetworkSet } from '../base/network-set.ts'
import type { PolicyConfig } from '../config/policy-schema.ts'
import { compileIgnored, type NamedNetworks, type Policy } from './policy.ts'

/** A policy file as rules read it: sets built, patterns made. `list` gives the list in force at each look-up. */
export function compilePolicy(
  name: string,
  config: PolicyConfig,
  list: (name: string) => NetworkSet,
): Policy {
  const { enforcement } = config
  const { sharing } = config.antiFraud
  const networks = (entries: readonly string[]): NamedNetworks[] =>
    namedNetworks(entries, name, list)
  return {
    name,
    enforcement,
    methods: config.methods,
    lifetime: config.lifetime,
    leeway: { enforcement, ...defined(config.leeway) },
    resume: config.resume,
    address: { enforcement, ...defined(config.address) },
    parallel: {
      enforcement,
      ...defined(config.parallel),
      maxDownloads: config.parallel.maxDownloads ?? undefined,
    },
    uses: { enforcement, ...defined(config.uses), max: config.uses.max ?? undefined },
    rate: { bytesPerSecond: config.rate.bytesPerSecond ?? undefined },
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
      sharing: {
        windowSeconds: sharing.windowSeconds,
        maxNetworks: sharing.maxNetworks ?? undefined,
        maxCountries: sharing.maxCountries ?? undefined,
        action: sharing.action,
      },
    },
    referrers: { enforcement, ...defined(config.referrers) },
    isIgnoredParameter: compileIgnored(config.ignoredParameters),
    delivery: { disposition: config.delivery.disposition, cors: config.delivery.cors },
  }
}

/** The CIDRs written in the policy itself make one set; each list stays its own, to be named in records. */
function namedNetworks(
  entries: readonly string[],
  policy: string,
  list: (name: string) => NetworkSet,
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

/** Without the members that are undefined, so that defaults below them stand. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}
