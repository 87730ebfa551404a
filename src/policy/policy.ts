import type { Address } from '../base/address.ts'
import { type Anonymizer, type NetworkFacts, NOTHING_KNOWN } from '../base/network-facts.ts'
import type { AddressSet } from '../base/network-set.ts'

/** Whether a "no" refuses or is only written down. A rule's own setting wins over the policy's. */
export type Enforcement = 'enforce' | 'observe'

/** A policy file, compiled: sets built, patterns made, defaults filled in. */
export interface Policy {
  readonly name: string
  readonly enforcement: Enforcement
  readonly methods: readonly ('GET' | 'HEAD')[]
  readonly lifetime: { readonly defaultSeconds: number; readonly maxSeconds: number }
  readonly leeway: {
    readonly notBeforeSeconds: number
    readonly expirySeconds: number
    readonly enforcement: Enforcement
  }
  readonly resume: { readonly graceSeconds: number }
  readonly address: {
    readonly pin: 'optional' | 'required' | 'first-use'
    readonly tolerance: 'exact' | 'prefix' | 'asn'
    /** For the tolerance `asn`. */
    readonly asnOf: (address: Address) => number | undefined
    readonly enforcement: Enforcement
  }
  readonly parallel: {
    readonly maxDownloads: number | undefined
    readonly countBy: 'link' | 'subject' | 'address'
    readonly connectionsPerDownload: number
    readonly enforcement: Enforcement
  }
  readonly uses: {
    readonly max: number | undefined
    /** The share of an object's unique bytes that makes a use, above 0 and at most 1. */
    readonly coverage: number
    readonly enforcement: Enforcement
  }
  readonly rate: {
    /** Shared by all connections of a link, or of all links of a subject. */
    readonly bytesPerSecond: number | undefined
    readonly countBy: 'link' | 'subject'
  }
  readonly countries: {
    /** ISO 3166-1 alpha-2. */
    readonly allow: ReadonlySet<string>
    readonly block: ReadonlySet<string>
    readonly enforcement: Enforcement
  }
  readonly networks: {
    readonly allow: readonly NamedNetworks[]
    readonly block: readonly NamedNetworks[]
    readonly enforcement: Enforcement
  }
  readonly antiFraud: {
    /** Whether it is on for a link that does not say. */
    readonly default: boolean
    readonly lists: readonly NamedNetworks[]
    readonly anonymizers: Readonly<Record<Anonymizer, AnonymizerTerms>>
    readonly sharing: SharingTerms
    readonly enforcement: Enforcement
  }
  readonly referrers: {
    /** Host names, `*.example.com`, or `none` for a request without Referer. */
    readonly allow: readonly string[]
    readonly enforcement: Enforcement
  }
  readonly isIgnoredParameter: (name: string) => boolean
  readonly delivery: {
    readonly disposition: 'attachment' | 'inline'
    /** Set where shared caches may keep answers, and for how long at most. */
    readonly edge: { readonly maxSeconds: number; readonly marginSeconds: number } | undefined
    readonly cors: readonly string[]
    /** Who sends the bytes in place of the gateway. */
    readonly offload: Offload | undefined
  }
}

export type Offload =
  /** nginx, from its internal location of this path. */
  | { readonly kind: 'x-accel'; readonly prefix: string }
  /** The origin itself, by a link that it takes. */
  | { readonly kind: 'redirect' }

/** What happens to clients behind one kind of anonymizer. */
export interface AnonymizerTerms {
  readonly action: 'allow' | 'observe' | 'deny'
  /** Lists of this kind, beside what the data about networks says. */
  readonly lists: readonly NamedNetworks[]
}

/** How widely a link, and all links of one subject, may be used within a window. */
export interface SharingTerms extends SharingLimits {
  readonly windowSeconds: number
  readonly subject: SharingLimits
  readonly heuristics: SharingHeuristics
  readonly action: 'observe' | 'deny' | 'revoke' | 'slow'
  /** What a download that is slowed may use, all its connections together. */
  readonly slowBytesPerSecond: number
}

/** Each of them decides alone. */
export interface SharingLimits {
  /** Networks of one AS number count as one, and so do the IPv4 and IPv6 networks of one client. */
  readonly maxNetworks: number | undefined
  readonly maxAsns: number | undefined
  readonly maxCountries: number | undefined
  readonly maxDevices: number | undefined
}

/** Signs of sharing that prove nothing alone. */
export interface SharingHeuristics {
  /** So many signals together count as sharing; undefined: they never do. */
  readonly minSignals: number | undefined
  /** From so many on, each of these is a signal; networks are counted one by one here. */
  readonly networks: number
  readonly asns: number
  readonly devices: number
  /** Kilometres an hour above which a change of country is a signal. */
  readonly speed: number
}

/** A list, or the CIDRs written in the policy itself, with the name that a record shows. */
export interface NamedNetworks {
  readonly name: string
  /** Undefined as long as the list has no data: then nobody can say who is on it. */
  readonly networks: () => AddressSet | undefined
}

/** What policies are compiled with. Each answers from what is in force when it is asked. */
export interface PolicySources {
  readonly list: (name: string) => AddressSet | undefined
  /** Names of the lists of one kind of anonymizer. */
  readonly listsOf: (anonymizer: Anonymizer) => readonly string[]
  readonly factsOf: (address: Address) => NetworkFacts
}

/** For places without lists and without data about networks. */
export const NO_SOURCES: PolicySources = {
  list: () => undefined,
  listsOf: () => [],
  factsOf: () => NOTHING_KNOWN,
}

/** A matcher of parameter names; a pattern ends in `*` or is exact. */
export function compileIgnored(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')))
  const prefixes = patterns.filter((pattern) => pattern.endsWith('*')).map((p) => p.slice(0, -1))
  return (name) => exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix))
}
