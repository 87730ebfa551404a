import { z } from 'zod'
import type { LiveDownload } from '../../record/live-downloads.ts'
import { endpoint } from '../endpoint.ts'
import { epochSeconds, named } from '../named-schemas.ts'
import { problem } from '../problem.ts'

const download = named(
  'Download',
  z.object({
    id: z.string(),
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
      schema: named('Downloads', z.object({ downloads: z.array(download) })),
    },
  },
  handle: ({ services }) => ({
    status: 200,
    body: { downloads: services.live.list().map(presented) },
  }),
})

const endEndpoint = endpoint({
  method: 'DELETE',
  path: '/v1/downloads/{id}',
  access: ['revoke'],
  summary: 'Cut a download',
  description: 'Its link stays good; revoke the link to keep the client out.',
  replies: { 204: { description: 'Every connection of it was cut' } },
  problems: ['not_found'],
  handle({ services: { live, audit }, actor, parameters: { id } }) {
    const found = live.list().find((candidate) => candidate.id === id)
    if (!found) return problem('not_found')
    const { linkId, path, client } = found.facts
    audit.append({ actor, action: 'download.end', target: { id, link_id: linkId, path, client } })
    live.end((candidate) => candidate === found, `ended by ${actor}`)
    return { status: 204 }
  },
})

function presented({
  id,
  facts,
  startedAt,
  connections,
  coverage,
}: LiveDownload): z.output<typeof download> {
  return {
    id,
    link_id: facts.linkId,
    kid: facts.kid,
    scheme: facts.scheme,
    subject: facts.subject ?? null,
    path: facts.path,
    client: facts.client,
    started_at: Math.floor(startedAt / 1000),
    connections: connections.size,
    bytes: [...connections].reduce((sum, connection) => sum + connection.bytes, 0),
    size: facts.size ?? null,
    coverage: Math.round(coverage() * 10_000) / 10_000,
  }
}

export const downloadEndpoints = [listEndpoint, endEndpoint]
