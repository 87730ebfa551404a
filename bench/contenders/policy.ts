import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeList } from '../lists/made-list.ts'
import { workplace } from '../workplace.ts'

const CIDRS = 100_000

/** The full policy, beside signature and expiry, in the words that all contenders share. */
export interface FullPolicy {
  /** The networks that are refused, a CIDR a line; BLOCKED_CLIENT is in one of them. */
  readonly blocklist: string
  /** Downloads of one link at a time; far more than the load opens. */
  readonly parallel: number
}

/** A client that every contender with the full policy refuses, whatever its link. */
export const BLOCKED_CLIENT = '127.66.0.1'
/** A client that is let in by a link of its own, not by one that is bound to CLIENT. */
export const OTHER_CLIENT = '127.0.0.2'

/** Writes the list of 100,000 networks. */
export function writeFullPolicy(): FullPolicy {
  const { networks } = makeList(CIDRS - 1, 1)
  const blocklist = join(workplace, 'blocked.netset')
  writeFileSync(blocklist, `${networks.join('\n')}\n127.66.0.0/16\n`)
  return { blocklist, parallel: 64 }
}
