import type { BigIntStats } from 'node:fs'

/** What tells one content of a file from the next without reading it. */
export function stampOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `${ino}:${size}:${mtimeNs}`
}
