import type { Task } from './task.ts'

/** Tasks. Each call is one transaction. */
export interface TaskStore {
  add(task: Task): Promise<void>
  find(id: string): Promise<Task | undefined>
  /** Newest first. */
  all(): Promise<Task[]>
  /** What a restart has to go on with, oldest first. */
  unfinished(): Promise<Task[]>
  /**
   * Gives a task to an attempt: from now on nothing that an earlier one writes is taken. Undefined when
   * there is no such task.
   */
  take(id: string, attempt: string): Promise<Task | undefined>
  /** Replaces what was known of a task; false when it was removed, or given to another attempt. */
  change(task: Task): Promise<boolean>
  remove(id: string): Promise<void>
}
