import { setTimeout as delay } from 'node:timers/promises'

/** Asks again and again until the condition holds. Rejects when it does not within the time. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`after ${withinMs} ms: not ${what}`)
    await delay(5)
  }
}
