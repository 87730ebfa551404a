/** What is left is not divided below this: a chunk more or less is asked for anyway. */
const LEAST_BYTES = 64 * 1024

/**
 * How many bytes each connection of a download may send before they are counted. All that are out
 * together never reach the byte that makes the use: that one is asked for.
 */
export class Allowances {
  readonly #given = new Map<string, Map<object, number>>()

  /** Half of what is left before the use, less what others may still send. */
  give(download: string, member: object, left: number): number {
    const members = this.#given.get(download) ?? new Map<object, number>()
    members.delete(member)
    let others = 0
    for (const bytes of members.values()) others += bytes
    const half = Math.floor((left - others) / 2)
    const free = half >= LEAST_BYTES ? half : 0
    members.set(member, free)
    this.#given.set(download, members)
    return free
  }

  /** So many of the bytes are counted. */
  take(download: string, member: object, bytes: number): void {
    const members = this.#given.get(download)
    const given = members?.get(member)
    if (members && given !== undefined) members.set(member, Math.max(0, given - bytes))
  }

  end(download: string, member: object): void {
    const members = this.#given.get(download)
    members?.delete(member)
    if (members?.size === 0) this.#given.delete(download)
  }
}
