/** Growth up to so many entries is never suspicious: short lists double in a day. */
const SMALL_LIST = 1000

export interface GuardLimits {
  /** The share of the entries that one refresh may lose. */
  readonly maxShrink: number
  /** How many times the entries one refresh may bring. */
  readonly maxGrowth: number
}

/**
 * Why a sound refresh is kept out, from the numbers of entries before and after: a feed that lost most of
 * itself, or swelled, is more often broken than right.
 */
export function whySuspicious(
  before: number,
  after: number,
  { maxShrink, maxGrowth }: GuardLimits,
): string | undefined {
  if (after < before * (1 - maxShrink)) {
    return `it shrank from ${before} to ${after} entries, which is more than maxShrink allows`
  }
  if (after > Math.max(SMALL_LIST, before * maxGrowth)) {
    return `it grew from ${before} to ${after} entries, which is more than maxGrowth allows`
  }
  return undefined
}
