import { onTestFinished } from 'vitest'
import type { ValkeyOptions } from '../../src/valkey/client.ts'
import { ValkeyConnection } from '../../src/valkey/connection.ts'
import { eventually } from './eventually.ts'

/** Far less than operators have, so that tests do not wait for it. */
export const TEST_HOLD_MS = 300

/** A connection that ends with the test. */
export function valkeyForTest(url: string, options: Partial<ValkeyOptions> = {}): ValkeyConnection {
  const connection = new ValkeyConnection({
    url,
    prefix: 'sluice:',
    holdMs: TEST_HOLD_MS,
    ...options,
  })
  onTestFinished(() => {
    connection.close()
  })
  return connection
}

/** Waits until messages of the channel reach somebody. */
export async function listenedTo(connection: ValkeyConnection, channel: string): Promise<void> {
  await eventually(`${channel} is listened to`, async () => {
    const reply = (await connection.command('PUBSUB', 'NUMSUB', channel)) as [string, number]
    return reply[1] > 0
  })
}
