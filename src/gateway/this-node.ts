import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { NodeInfo } from '../state/live-view.ts'
import { version } from './version.ts'

/** What this process is known by among those that share a state. Its id lasts as long as the process. */
export function thisNode(now: number): Omit<NodeInfo, 'downloads'> {
  return { id: randomUUID(), host: hostname(), version, startedAt: now }
}
