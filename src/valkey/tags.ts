import { createHash } from 'node:crypto'

/** What is counted together: one hash tag, so that one script reads and writes all of it. */
export interface CountedKey {
  /** What all keys of the tag begin with. */
  readonly base: string
  /** What is counted there: `link`, `subject`, … */
  readonly counted: string
}

/** Kinds of keys that count by link, and lie where everything else of the link lies. */
const OF_LINK = new Set(['link', 'by-policy'])

/**
 * Where a key is counted: `link …`, `subject …`, `address …`, or with a colon behind the kind. Names are
 * hashed: they may be long, and hold braces of their own.
 */
export function countedKey(prefix: string, key: string): CountedKey {
  const [, counted = '', rest = ''] = /^([^ :]*)[ :]?(.*)$/s.exec(key) ?? []
  return { base: baseOf(prefix, OF_LINK.has(counted) ? 'link' : counted, rest), counted }
}

/** Where everything of a link is counted. */
export function linkBase(prefix: string, link: string): string {
  return baseOf(prefix, 'link', link)
}

/** Where the nodes are counted that send under one rate. */
export function rateBase(prefix: string, key: string): string {
  return baseOf(prefix, 'rate', key)
}

function baseOf(prefix: string, kind: string, name: string): string {
  return `${prefix}{${digest(`${kind}\n${name}`)}}:`
}

/** 128 bits: two names that meet in one are not to be found. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest().toString('base64url', 0, 16)
}
