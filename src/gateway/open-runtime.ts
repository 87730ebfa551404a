import type { Clock } from '../base/clock.ts'
import { RemoteKeys } from '../jwks/remote-keys.ts'
import type { LiveLists } from '../lists/live-lists.ts'
import { LiveRuntime } from './live-runtime.ts'
import type { Loaded } from './load-or-throw.ts'
import { buildRuntime, type RuntimeOptions } from './runtime.ts'

/** How long a start waits for keys that are published elsewhere. */
const REMOTE_KEYS_PATIENCE_MS = 3000

interface OpenRuntimeOptions extends Omit<RuntimeOptions, 'listed' | 'keySource'> {
  readonly first: Loaded
  readonly clock: Clock
  readonly lists: LiveLists
}

/** The configuration of a process that serves, with the keys that it fetches; `opened` closes both. */
export function openRuntime(
  { first, clock, lists, ...options }: OpenRuntimeOptions,
  opened: AsyncDisposableStack,
): {
  readonly live: LiveRuntime
  readonly remoteKeys: RemoteKeys
  /** Waits a while for the keys that are published elsewhere. */
  readonly settleKeys: () => Promise<void>
} {
  const remoteKeys = new RemoteKeys(clock, options.warn)
  opened.defer(() => {
    remoteKeys.close()
  })
  const live = new LiveRuntime({
    first,
    remoteKeys,
    build: (from) =>
      buildRuntime(from, {
        ...options,
        listed: (list) => lists.get(list),
        keySource: remoteKeys,
      }),
  })
  opened.defer(() => {
    live.close()
  })
  return { live, remoteKeys, settleKeys: () => remoteKeys.settle(REMOTE_KEYS_PATIENCE_MS) }
}
