import type { Anonymizer } from '../base/network-facts.ts'
import { anonymizerOf, type ListFormatName } from './formats/registry.ts'

/** A list as the configuration has it. Without file and URL it holds what the admin API put there. */
export interface ListConfig {
  readonly file?: string | undefined
  readonly url?: string | undefined
  /** Sent with each fetch. */
  readonly headers: Readonly<Record<string, string>>
  readonly format: ListFormatName
  /** What kind of networks it holds; by default its format tells. */
  readonly anonymizer?: Anonymizer | undefined
  readonly refreshSeconds: number
  readonly maxBytes: number
  /** A refresh that loses more than this share of the entries is kept out. */
  readonly maxShrink: number
  /** A refresh that has more than so many times the entries is kept out. */
  readonly maxGrowth: number
}

export type ListConfigs = Readonly<Record<string, ListConfig>>

/** What the publishers of a format ask for: seconds between two fetches. */
export function leastRefreshSeconds(format: string): number {
  return format === 'spamhaus-drop' ? 3600 : 0
}

/** The kind of anonymizer whose addresses a list holds, if it says. */
export function kindOf({ anonymizer, format }: ListConfig): Anonymizer | undefined {
  return anonymizer ?? anonymizerOf(format)
}

/** Names of the lists of one kind of anonymizer. */
export function listsOfKind(configs: ListConfigs, anonymizer: Anonymizer): string[] {
  return Object.entries(configs).flatMap(([name, list]) =>
    kindOf(list) === anonymizer ? [name] : [],
  )
}

/** A URL as messages show it: feeds have keys in the query. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
