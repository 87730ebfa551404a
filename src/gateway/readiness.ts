import type { ListState } from '../lists/live-lists.ts'

/** Whether downloads may come: a list without data refuses everyone whom a policy asks it about. */
export function readiness(
  state: 'ready' | 'draining',
  lists: readonly Pick<ListState, 'name' | 'has_data'>[],
): { readonly ready: boolean; readonly reason?: string } {
  if (state !== 'ready') return { ready: false, reason: state }
  const missing = lists.filter(({ has_data }) => !has_data).map(({ name }) => name)
  return missing.length === 0
    ? { ready: true }
    : { ready: false, reason: `no data yet for: ${missing.join(', ')}` }
}
