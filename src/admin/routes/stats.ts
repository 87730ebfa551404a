import { z } from 'zod'
import { endpoint } from '../endpoint.ts'
import { named } from '../named-schemas.ts'

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
  }),
)

export const statsEndpoint = endpoint({
  method: 'GET',
  path: '/v1/stats',
  access: ['read'],
  summary: 'Figures of this process since its start',
  replies: { 200: { description: 'The figures', schema: stats } },
  handle: ({ services: { version, metrics, live, leases, revocations } }) => ({
    status: 200,
    body: {
      version,
      uptime_seconds: Math.floor(process.uptime()),
      ...metrics.totals,
      downloads_open: live.count,
      leases_held: leases.held,
      revocations: revocations.list().length,
      memory_rss_bytes: process.memoryUsage.rss(),
    },
  }),
})
