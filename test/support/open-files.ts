import { readdirSync, readlinkSync } from 'node:fs'

/** Descriptors of this process that lie below a directory. Linux only. */
export function openFilesBelow(directory: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(`${directory}/`)
    } catch {
      return false
    }
  }).length
}

/** Waits, turn by turn and at most two seconds, until a condition holds. */
export async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 2000
  while (!holds()) {
    if (performance.now() > deadline)
      throw new Error('the condition does not hold after two seconds')
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
