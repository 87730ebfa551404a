import { type Network, parseNetwork } from '../base/address.ts'
import type { Problem } from './problem.ts'

export interface ParsedNetset {
  readonly networks: readonly Network[]
  readonly problems: readonly Problem[]
}

/** Wider entries are a poisoned or broken feed. fc00::/7 is the widest real IPv6 one. */
const LONGEST_REFUSED_PREFIX = { 4: 7, 6: 6 } as const

/** A file that is no netset at all is reported by its first lines. */
const MAX_PROBLEMS = 100

/**
 * Parses a netset: an address or CIDR a line, `#` comments, blank lines. `path` is the setting that
 * names the list in problems. A list without an entry is a problem, so an empty download never opens
 * or closes a gateway.
 */
export function parseNetset(text: string, file: string, path: string): ParsedNetset {
  const networks: Network[] = []
  const problems: Problem[] = []
  for (const [i, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const entry = (line.split('#', 1)[0] ?? '').trim()
    if (entry === '') continue
    const network = parseNetwork(entry)
    const wrong = whyRefused(network)
    if (network && !wrong) networks.push(network)
    else if (wrong && problems.length < MAX_PROBLEMS) {
      problems.push({
        source: file,
        line: i + 1,
        column: line.search(/\S/) + 1,
        path,
        message: wrong,
      })
    }
  }
  if (networks.length === 0 && problems.length === 0) {
    problems.push({ source: file, line: 1, column: 1, path, message: 'the list is empty' })
  }
  return { networks, problems }
}

function whyRefused(network: Network | undefined): string | undefined {
  if (!network) return 'expected an address or a CIDR'
  const { first, prefix } = network
  return prefix <= LONGEST_REFUSED_PREFIX[first.family]
    ? `a /${prefix} covers too much of the Internet for a list`
    : undefined
}
