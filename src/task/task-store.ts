import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import type { Task } from './task.ts'

/** Tasks in the embedded state. Each call is one transaction. */
export class TaskStore {
  readonly #put: StatementSync
  readonly #find: StatementSync
  readonly #all: StatementSync
  readonly #unfinished: StatementSync
  readonly #remove: StatementSync

  constructor(database: DatabaseSync) {
    // `created` counts tasks: two of one second keep their order
    this.#put = database.prepare(
      `INSERT INTO task (id, status, created, body)
       VALUES (?, ?, (SELECT coalesce(max(created), 0) + 1 FROM task), ?)
       ON CONFLICT (id) DO UPDATE SET status = excluded.status, body = excluded.body`,
    )
    this.#find = database.prepare('SELECT body FROM task WHERE id = ?')
    this.#all = database.prepare('SELECT body FROM task ORDER BY created DESC')
    this.#unfinished = database.prepare(
      `SELECT body FROM task WHERE status IN ('pending', 'downloading', 'processing')
       ORDER BY created`,
    )
    this.#remove = database.prepare('DELETE FROM task WHERE id = ?')
  }

  /** Adds the task, or replaces what was known of it. */
  put(task: Task): void {
    this.#put.run(task.id, task.status, JSON.stringify(task))
  }

  find(id: string): Task | undefined {
    const row = this.#find.get(id)
    return row && taskOf(row)
  }

  /** Newest first. */
  all(): Task[] {
    return this.#all.all().map(taskOf)
  }

  /** What a restart has to go on with, oldest first. */
  unfinished(): Task[] {
    return this.#unfinished.all().map(taskOf)
  }

  remove(id: string): void {
    this.#remove.run(id)
  }
}

/** Only this class writes the column, so its JSON is what it says. */
function taskOf(row: Record<string, SQLOutputValue>): Task {
  return JSON.parse(String(row['body'])) as Task
}
