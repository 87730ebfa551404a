import { randomUUID } from 'node:crypto'
import { systemClock } from '../../src/base/clock.ts'
import { openMemoryDatabase } from '../../src/state/database.ts'
import { EmbeddedLinkState } from '../../src/state/embedded-link-state.ts'
import type { ValkeyConnection } from '../../src/valkey/connection.ts'
import { ValkeyLinkState, type ValkeyLinkStateOptions } from '../../src/valkey/link-state.ts'
import { eventually } from './eventually.ts'

/** Leases that end soon, so that tests do not wait for them. */
export const SHORT_LEASES = { ttlMs: 600, beatMs: 100 } as const

/** A node on a connection; it denies what it cannot ask, unless told otherwise. */
export function linkStateOn(
  connection: ValkeyConnection,
  options: Partial<ValkeyLinkStateOptions> = {},
): ValkeyLinkState {
  return new ValkeyLinkState({
    connection,
    clock: systemClock,
    node: randomUUID(),
    local: new EmbeddedLinkState(openMemoryDatabase(), systemClock),
    onUnavailable: 'deny',
    onLost: () => undefined,
    ...options,
  })
}

/** Waits until admissions are not held any more: the state is new, or forgot. */
export async function countingOn(connection: ValkeyConnection): Promise<void> {
  await eventually('counting', async () => {
    const keys = [connection.epochKey, connection.holdKey] as const
    const [epoch, hold] = await Promise.all(keys.map((key) => connection.command('EXISTS', key)))
    return epoch === 1 && hold === 0
  })
}
