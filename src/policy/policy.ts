import type { NetworkSet } from '../base/network-set.ts'

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
    readonly tolerance: 'exact' | 'prefix'
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
  /** Bytes a second, shared by all connections of a link. */
  readonly rate: { readonly bytesPerSecond: number | undefined }
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
    readonly sharing: SharingLimits
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
    readonly cors: readonly string[]
  }
}

/** How many networks and countries may download by one link within a window. */
export interface SharingLimits {
  readonly windowSeconds: number
  readonly maxNetworks: number | undefined
  readonly maxCountries: number | undefined
  readonly action: 'observe' | 'deny' | 'revoke'
}

/** A list, or the CIDRs written in the policy itself, with the name that a record shows. */
export interface NamedNetworks {
  readonly name: string
  readonly networks: () => NetworkSet
}

/** A matcher of parameter names; a pattern ends in `*` or is exact. */
export function compileIgnored(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')))
  const prefixes = patterns.filter((pattern) => pattern.endsWith('*')).map((p) => p.slice(0, -1))
  return (name) => exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix))
}
