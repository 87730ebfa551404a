import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import type { Task } from './task.ts'
import type { TaskStore } from './task-store.ts'

/** Tasks in the embedded state. */
export class SqliteTaskStore implements TaskStore {
  readonly #add: StatementSync
  readonly #find: StatementSync
  readonly #all: StatementSync
  readonly #unfinished: StatementSync
  readonly #take: StatementSync
  readonly #change: StatementSync
  readonly #remove: StatementSync

  constructor(database: DatabaseSync) {
    // `created` counts tasks: two of one second keep their order
    this.#add = database.prepare(
      `INSERT INTO task (id, status, created, body)
       VALUES (?, ?, (SELECT coalesce(max(created), 0) + 1 FROM task), ?)`,
    )
    this.#find = database.prepare('SELECT body FROM task WHERE id = ?')
    this.#all = database.prepare('SELECT body FROM task ORDER BY created DESC')
    this.#unfinished = database.prepare(
      `SELECT body FROM task WHERE status IN ('pending', 'downloading', 'processing')
       ORDER BY created`,
    )
    this.#take = database.prepare(
      `UPDATE task SET body = json_set(body, '$.attempt', ?) WHERE id = ? RETURNING body`,
    )
    this.#change = database.prepare(
      `UPDATE task SET status = ?, body = ? WHERE id = ? AND body ->> '$.attempt' IS ?`,
    )
    this.#remove = database.prepare('DELETE FROM task WHERE id = ?')
  }

  async add(task: Task): Promise<void> {
    this.#add.run(task.id, task.status, JSON.stringify(task))
  }

  async find(id: string): Promise<Task | undefined> {
    const row = this.#find.get(id)
    return row && taskOf(row)
  }

  async all(): Promise<Task[]> {
    return this.#all.all().map(taskOf)
  }

  async unfinished(): Promise<Task[]> {
    return this.#unfinished.all().map(taskOf)
  }

  async take(id: string, attempt: string): Promise<Task | undefined> {
    const row = this.#take.get(attempt, id)
    return row && taskOf(row)
  }

  async change(task: Task): Promise<boolean> {
    const { id, status, attempt = null } = task
    return this.#change.run(status, JSON.stringify(task), id, attempt).changes === 1
  }

  async remove(id: string): Promise<void> {
    this.#remove.run(id)
  }
}

/** Only this class writes the column, so its JSON is what it says. */
function taskOf(row: Record<string, SQLOutputValue>): Task {
  return JSON.parse(String(row['body'])) as Task
}
