import { z } from 'zod'
import type { RunningDownload } from '../../state/live-view.ts'
import { endpoint } from '../endpoint.ts'
import { epochSeconds, named } from '../named-schemas.ts'
import { problem } from '../problem.ts'

const download = named(
  'Download',
  z.object({
    id: z.string(),
    node: z.string().meta({ description: 'The id of the process that serves it.' }),
    link_id: z.string(),
    kid: z.string(),
    scheme: z.string(),
    subject: z.string().nullable(),
    path: z.string(),
    client: z.string(),
    started_at: epochSeconds,
    connections: z.int(),
    bytes: z.int().meta({ description: 'Sent over the connections that are open.' }),
    size: z.int().nullable(),
    coverage: z.number().meta({ description: "Share of the object's unique bytes, 0 to 1." }),
  }),
)

const listEndpoint = endpoint({
  method: 'GET',
  path: '/v1/downloads',
  access: ['read'],
  summary: 'List what runs now',
  replies: {
    200: {
      description: 'Downloads with at least one open connection',
      schema: named(
        'Downloads',
        z.object({
          downloads: z.array(download),
          unanswered: z
            .array(z.string())
            .meta({ description: 'Ids of nodes that did not say in time what runs there.' }),
          omitted: z.int().meta({ description: 'How many more run than are listed.' }),
        }),
      ),
    },
  },
  async handle({ services }) {
    const { downloads, unanswered, omitted } = await services.live.list()
    return { status: 200, body: { downloads: downloads.map(presented), unanswered, omitted } }
  },
})

const endEndpoint = endpoint({
  method: 'DELETE',
  path: '/v1/downloads/{id}',
  access: ['revoke'],
  summary: 'Cut a download',
  description: 'Its link stays good; revoke the link to keep the client out.',
  replies: { 204: { description: 'Every connection of it was cut' } },
  problems: ['not_found'],
  async handle({ services: { live, audit }, actor, parameters: { id } }) {
    const found = await live.find(id)
    if (!found) return problem('not_found')
    const { linkId, path, client } = found
    audit.append({ actor, action: 'download.end', target: { id, link_id: linkId, path, client } })
    const ended = await live.end(id, `ended by ${actor}`)
    return ended ? { status: 204 } : problem('not_found')
  },
})

function presented(running: RunningDownload): z.output<typeof download> {
  return {
    id: running.id,
    node: running.node,
    link_id: running.linkId,
    kid: running.kid,
    scheme: running.scheme,
    subject: running.subject ?? null,
    path: running.path,
    client: running.client,
    started_at: Math.floor(running.startedAt / 1000),
    connections: running.connections,
    bytes: running.bytes,
    size: running.size ?? null,
    coverage: Math.round(running.coverage * 10_000) / 10_000,
  }
}

export const downloadEndpoints = [listEndpoint, endEndpoint]
