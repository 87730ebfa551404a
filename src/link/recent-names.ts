const SETS = 16_384
/** Names that may fall together before one of them is forgotten. */
const WAYS = 4

/**
 * Tells names that came lately from new ones, by a fingerprint of 32 bits each, in a quarter of a
 * megabyte. It may take a new name for a known one, and forgets what others have displaced.
 */
export class RecentNames {
  /** Sets of fingerprints; 0 where there is none. */
  #fingerprints: Uint32Array | undefined
  /** Whose turn it is to be forgotten, in no order that names could come in. */
  #turn = 0

  /** Notes a name; returns whether it was noted before. */
  add(name: string): boolean {
    const fingerprints = (this.#fingerprints ??= new Uint32Array(SETS * WAYS))
    const fingerprint = fingerprintOf(name)
    const first = (fingerprint & (SETS - 1)) * WAYS
    this.#turn = (this.#turn + 1) % WAYS
    let place = first + this.#turn
    for (let at = first; at < first + WAYS; at++) {
      if (fingerprints[at] === fingerprint) return true
      if (fingerprints[at] === 0) place = at
    }
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
