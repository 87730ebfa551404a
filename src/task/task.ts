import type { EpochSeconds } from '../base/clock.ts'

export const TASK_STATUSES = [
  'pending',
  'downloading',
  'processing',
  'completed',
  'failed',
] as const

export type TaskStatus = (typeof TASK_STATUSES)[number]

/** Whether there is work left to do for a task. */
export function isUnfinished({ status }: Task): boolean {
  return status !== 'completed' && status !== 'failed'
}

/** A file to fetch from elsewhere into the origin. When it is completed it is an asset of the same id. */
export interface Task {
  /** A UUID. */
  readonly id: string
  readonly url: string
  /** `best`, `audio`, or the largest height of the picture: `720p`. */
  readonly quality: string
  readonly status: TaskStatus
  /** 0 to 100; 100 only when completed. */
  readonly progress: number
  readonly createdAt: EpochSeconds
  readonly completedAt?: EpochSeconds
  readonly filename?: string
  /** The name of the origin that the file is put into. */
  readonly origin: string
  readonly source?: FetchedSource
  /** Where the finished file lies; set before it is put there. */
  readonly object?: string
  /** Bytes of the finished file. */
  readonly size?: number
  /** For the caller: why it failed. */
  readonly error?: string
  /** The attempt that works on it, or did last: no other one may change it. */
  readonly attempt?: string
}

/** What is known of a source since its answer began, so that a later process can go on with it. */
export interface FetchedSource {
  /** The name that its bytes are staged under. */
  readonly object: string
  readonly filename: string
  /** A strong validator: a resume asks for the rest of the same bytes. */
  readonly etag?: string
  /** Bytes of the whole; undefined as long as the source does not say. */
  readonly size?: number
  /** Every byte was written. */
  readonly isComplete: boolean
}

/** Tasks, and the work that they stand for. */
export interface TaskDesk {
  /** Accepts a URL; the refusal says why its host or form is not allowed. */
  start(url: string, quality: string): Promise<Task | { readonly refused: string }>
  /** All tasks, newest first. */
  list(): Promise<Task[]>
  find(id: string): Promise<Task | undefined>
  /** Ends running work, removes the file, the asset and the task; false when there is no such task. */
  remove(id: string): Promise<boolean>
}

/** Why a task failed, in words for its caller. */
export class TaskError extends Error {
  override readonly name = 'TaskError'
}
