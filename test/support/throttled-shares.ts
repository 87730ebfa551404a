import { expect } from 'vitest'
import type { OpenDownload } from './http-client.ts'

const SECONDS = 10
/** What a flow may catch up; a process that stands still for longer loses the rest. */
const CAUGHT_UP_MS = 500
const LOOK_MS = 20

export interface ThrottledShares {
  /** Bytes that each connection got, as a multiple of what the rate gives in the time that passed. */
  readonly each: readonly number[]
  /** Share of the time that this process stood still on a busy machine, and nobody could send. */
  readonly lost: number
}

/** What connections get of a rate in ten seconds from the first head on, the first burst included. */
export async function throttledShares(
  opening: readonly Promise<OpenDownload>[],
  bytesPerSecond: number,
): Promise<ThrottledShares> {
  await Promise.race(opening)
  const began = performance.now()
  let last = began
  let lostMs = 0
  const look = (): void => {
    const now = performance.now()
    lostMs += Math.max(0, now - last - CAUGHT_UP_MS)
    last = now
  }
  const looking = setInterval(look, LOOK_MS)
  const open = await Promise.all(opening)
  const rests = open.map((download) => download.rest())
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000))
  // what was sent in this turn is read in the next
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
  look()
  clearInterval(looking)
  const ms = performance.now() - began
  const received = open.map((download) => download.received)
  for (const download of open) download.kill()
  await Promise.all(rests)
  return {
    each: received.map((bytes) => bytes / ((ms / 1000) * bytesPerSecond)),
    lost: lostMs / ms,
  }
}

/** They get `expected` of the rate together, within 5 %. */
export function expectWithin5({ each, lost }: ThrottledShares, expected: number): void {
  const sum = each.reduce((all, one) => all + one, 0)
  expect(sum).toBeLessThan(expected * 1.05)
  expect(sum).toBeGreaterThan(expected * (0.95 - lost))
}
