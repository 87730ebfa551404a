/**
 * Wraps a pure function so that it remembers its latest results: at least `capacity` and at most twice
 * as many. When the young half is full it becomes the old one, so nothing is ordered or evicted singly.
 */
export function rememberRecent<K, V extends string>(
  capacity: number,
  make: (key: K) => V,
): (key: K) => V {
  let young = new Map<K, V>()
  let old = new Map<K, V>()
  return (key) => {
    const known = young.get(key)
    if (known !== undefined) return known
    const value = old.get(key) ?? make(key)
    if (young.size >= capacity) {
      old = young
      young = new Map()
    }
    young.set(key, value)
    return value
  }
}
