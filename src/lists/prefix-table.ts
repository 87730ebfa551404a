import { type Address, maskWord, type Network } from '../base/address.ts'
import type { EpochSeconds } from '../base/clock.ts'

/** The first addresses of networks of one family and prefix length, each with its end. */
interface Level {
  readonly prefix: number
  readonly ends: Map<number | string, EpochSeconds>
}

/**
 * Networks that come and go one by one, each until a second of its own. A look-up reads one map for each
 * prefix length that is in use, so its cost does not grow with the number of networks.
 */
export class PrefixTable {
  readonly #levels: Readonly<Record<4 | 6, Level[]>> = { 4: [], 6: [] }

  /** Whether a network with the address is there whose end lies after `now`. */
  has(address: Address, now: EpochSeconds): boolean {
    for (const { prefix, ends } of this.#levels[address.family]) {
      const end = ends.get(keyOf(address, prefix))
      if (end !== undefined && end > now) return true
    }
    return false
  }

  put({ first, prefix }: Network, end: EpochSeconds): void {
    const levels = this.#levels[first.family]
    let level = levels.find((known) => known.prefix === prefix)
    if (!level) levels.push((level = { prefix, ends: new Map() }))
    level.ends.set(keyOf(first, prefix), end)
  }

  remove({ first, prefix }: Network): void {
    const levels = this.#levels[first.family]
    const at = levels.findIndex((known) => known.prefix === prefix)
    const level = levels[at]
    if (!level) return
    level.ends.delete(keyOf(first, prefix))
    if (level.ends.size === 0) levels.splice(at, 1)
  }

  /** Forgets what is over. */
  prune(now: EpochSeconds): void {
    for (const family of [4, 6] as const) {
      const levels = this.#levels[family]
      for (const { ends } of levels) {
        for (const [key, end] of ends) if (end <= now) ends.delete(key)
      }
      levels.splice(0, levels.length, ...levels.filter(({ ends }) => ends.size > 0))
    }
  }
}

/** The bits before the prefix: a number for IPv4, for IPv6 a string, which hashes faster than text. */
function keyOf({ family, a, b, c, d }: Address, prefix: number): number | string {
  if (family === 4) return maskWord(d, prefix)
  const [e, f] = [maskWord(a, prefix), maskWord(b, prefix - 32)]
  const [g, h] = [maskWord(c, prefix - 64), maskWord(d, prefix - 96)]
  // fromCharCode keeps the lower 16 bits of each
  return String.fromCharCode(e >>> 16, e, f >>> 16, f, g >>> 16, g, h >>> 16, h)
}
