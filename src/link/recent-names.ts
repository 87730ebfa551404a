/** A power of two: as many names as may come between two times of the same one. */
const PLACES = 65_536

/**
 * Tells names that came lately from new ones, by a fingerprint of 32 bits each, in a quarter of a
 * megabyte. It may take a new name for a known one, and forgets what others have displaced.
 */
export class RecentNames {
  #fingerprints: Uint32Array | undefined

  /** Notes a name; returns whether it was noted before. */
  add(name: string): boolean {
    const fingerprints = (this.#fingerprints ??= new Uint32Array(PLACES))
    const fingerprint = fingerprintOf(name)
    const place = fingerprint & (PLACES - 1)
    if (fingerprints[place] === fingerprint) return true
    fingerprints[place] = fingerprint
    return false
  }
}

/** FNV-1a over the characters, as 32 bits that are not all zero. */
function fingerprintOf(name: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash >>> 0 || 1
}
