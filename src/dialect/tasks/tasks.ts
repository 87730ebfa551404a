import { z } from 'zod'
import { catalogueName } from '../../catalogue/catalogue-name.ts'
import type { ApiAnswer } from '../../http/api.ts'
import { TASK_STATUSES } from '../../task/task.ts'
import { grantForCall } from '../clients.ts'
import type { Credential, Dialect, DialectCall, DialectReply } from '../dialect.ts'
import { jsonText } from '../json-text.ts'
import type { DialectServices } from '../services.ts'
import { admit } from './caller.ts'
import {
  detailSchema,
  faultsSchema,
  FILE_GONE,
  NOT_AVAILABLE,
  NOT_FOUND,
  problemText,
  urlRefused,
} from './errors.ts'
import { readStartBody, startBody } from './start-body.ts'
import { describeTask, taskSchema } from './task-view.ts'

const startedSchema = z.object({
  download_id: z.string().describe('The id of the task.'),
  status: z.enum(TASK_STATUSES),
  message: z.string(),
})

const removedSchema = z.object({ message: z.string() })

/** Tasks that fetch a file from elsewhere, and the files that they fetched. */
export function tasksDialect(
  services: DialectServices,
  { requireToken }: { readonly requireToken: boolean },
): Dialect {
  const credentials: readonly Credential[] = [requireToken ? 'bearer' : 'none']
  /** Calls `handle` with the id of the client, when the call may be made. */
  const admitted =
    (handle: (call: DialectCall, clientId: string) => Promise<ApiAnswer>) =>
    async (call: DialectCall): Promise<ApiAnswer> => {
      const clientId = admit(services, call, requireToken)
      if (typeof clientId !== 'string') return clientId
      const answer = await handle(call, clientId)
      return answer.kind === 'text' ? { ...answer, kid: clientId } : answer
    }
  const common = {
    ...(requireToken && {
      401: reply('The token is missing or unknown.'),
      403: reply('The token is not for this API, or a rule of the policy says no.'),
    }),
    422: { description: 'A query parameter or a body that is not valid.', schema: faultsSchema },
  }
  return {
    name: 'tasks',
    title: 'Download tasks',
    endpoints: [
      {
        method: 'POST',
        path: '/api/download',
        summary: 'Start a download',
        description: 'Fetches a file from an allowed host; the list of tasks shows its progress.',
        credentials,
        body: startBody,
        replies: {
          200: { description: 'The task that was started.', schema: startedSchema },
          400: reply('Nothing is fetched from this URL.'),
          413: reply('The body is too large.'),
          ...common,
        },
        handle: admitted((call) => start(services, call)),
      },
      {
        method: 'GET',
        path: '/api/downloads',
        summary: 'List downloads',
        credentials,
        replies: {
          200: { description: 'All tasks, newest first.', schema: z.array(taskSchema) },
          ...common,
        },
        handle: admitted(async () =>
          jsonText(200, (await services.tasks.list()).map(describeTask)),
        ),
      },
      {
        method: 'GET',
        path: '/api/download/{download_id}/file',
        summary: 'Get the file',
        description: 'The bytes under their original name, with ranges and preconditions.',
        credentials,
        replies: {
          200: { description: 'The file.', mediaType: 'application/octet-stream' },
          206: { description: 'A part of the file.', mediaType: 'application/octet-stream' },
          304: { description: 'The file did not change.' },
          404: reply('There is no such task or it is not completed, or its file is gone.'),
          412: reply('The file is not the one that was asked for.'),
          416: reply('The range lies outside of the file.'),
          429: reply('Too many downloads or connections, with Retry-After.'),
          ...common,
        },
        handle: admitted((call, clientId) => sendFile(services, call, clientId)),
      },
      {
        method: 'DELETE',
        path: '/api/downloads/{download_id}/remove',
        summary: 'Remove a download',
        description: 'Ends a running task and removes the file.',
        credentials,
        replies: {
          200: { description: 'The task is gone.', schema: removedSchema },
          404: reply('There is no such task.'),
          ...common,
        },
        handle: admitted((call) => remove(services, call)),
      },
    ],
    problem: (_context, problem) => problemText(problem),
  }
}

function reply(description: string): DialectReply {
  return { description, schema: detailSchema }
}

async function start({ tasks }: DialectServices, call: DialectCall): Promise<ApiAnswer> {
  const body = await readStartBody(call)
  if ('kind' in body) return body
  const task = await tasks.start(body.url, body.quality)
  if ('refused' in task) return urlRefused(task.refused)
  const { id, status } = task
  return jsonText(200, { download_id: id, status, message: 'Descarga iniciada' })
}

async function sendFile(
  { assetsPath, catalogue, tasks }: DialectServices,
  { context, parameters }: DialectCall,
  clientId: string,
): Promise<ApiAnswer> {
  const task = await tasks.find(parameters['download_id'] ?? '')
  if (task?.status !== 'completed') return NOT_AVAILABLE
  const asset = await catalogue.asset(task.id)
  if (!asset) return FILE_GONE
  const { filename } = asset
  const name = catalogueName(asset, undefined, filename)
  return {
    kind: 'object',
    name,
    missing: { ...FILE_GONE, kid: clientId },
    grant: grantForCall({
      api: 'tasks',
      holder: clientId,
      path: assetsPath + name,
      now: context.now,
      // never inline: the file may be a page that runs scripts under the gateway's name
      constraints: { filename, streaming: false },
    }),
  }
}

async function remove({ tasks }: DialectServices, { parameters }: DialectCall): Promise<ApiAnswer> {
  const isRemoved = await tasks.remove(parameters['download_id'] ?? '')
  return isRemoved ? jsonText(200, { message: 'Descarga eliminada' }) : NOT_FOUND
}
