import { z } from 'zod'
import { stemOf } from '../../task/source-filename.ts'
import { type Task, TASK_STATUSES } from '../../task/task.ts'

const time = z.iso.datetime()

/** A task as callers see it. */
export const taskSchema = z.object({
  id: z.string().describe('The `download_id` of the start.'),
  url: z.string().describe('As it was given.'),
  title: z.string().nullable().describe('The file name without its extension.'),
  filename: z.string().nullable().describe('What the file is saved as; null until it is known.'),
  quality: z.string(),
  status: z.enum(TASK_STATUSES),
  progress: z.int().min(0).max(100).describe('Percent; 100 only when completed.'),
  error: z.string().nullable().describe('Why it failed.'),
  size: z.int().nullable().describe('Bytes of the finished file.'),
  created_at: time,
  completed_at: time.nullable(),
})

export function describeTask(task: Task): z.output<typeof taskSchema> {
  const { filename, completedAt } = task
  const isCompleted = task.status === 'completed'
  return {
    id: task.id,
    url: task.url,
    title: filename === undefined ? null : stemOf(filename),
    filename: filename ?? null,
    quality: task.quality,
    status: task.status,
    progress: task.progress,
    error: task.error ?? null,
    size: isCompleted ? (task.size ?? null) : null,
    created_at: timeOf(task.createdAt),
    completed_at: completedAt === undefined ? null : timeOf(completedAt),
  }
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}
