import { z } from 'zod'
import { endpoint } from '../endpoint.ts'
import type { NodeInfo } from '../../state/live-view.ts'
import { epochSeconds, named } from '../named-schemas.ts'

const node = named(
  'Node',
  z.object({
    id: z.string(),
    host: z.string(),
    version: z.string(),
    started_at: epochSeconds,
    downloads_open: z.int(),
  }),
)

const stats = named(
  'Stats',
  z.object({
    version: z.string(),
    uptime_seconds: z.int(),
    requests: z.int(),
    denied: z.int(),
    bytes: z.int().meta({ description: 'Body bytes sent to clients.' }),
    downloads_open: z.int(),
    leases_held: z.int(),
    revocations: z.int(),
    memory_rss_bytes: z.int(),
    nodes: z
      .array(node)
      .meta({ description: 'The processes that share the state, as they said last.' }),
  }),
)

export const statsEndpoint = endpoint({
  method: 'GET',
  path: '/v1/stats',
  access: ['read'],
  summary: 'Figures of this process since its start',
  replies: { 200: { description: 'The figures', schema: stats } },
  handle: ({ services: { version, metrics, live, links, revocations } }) => ({
    status: 200,
    body: {
      version,
      uptime_seconds: Math.floor(process.uptime()),
      ...metrics.totals,
      downloads_open: live.count,
      leases_held: links.held,
      revocations: revocations.list().length,
      memory_rss_bytes: process.memoryUsage.rss(),
      nodes: live.nodes().map(presented),
    },
  }),
})

function presented({ id, host, version, startedAt, downloads }: NodeInfo): z.output<typeof node> {
  return {
    id,
    host,
    version,
    started_at: Math.floor(startedAt / 1000),
    downloads_open: downloads,
  }
}
