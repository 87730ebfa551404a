import { z } from 'zod'
import { parseAddress } from '../../base/address.ts'
import type { AccessRecord } from '../../record/access-record.ts'
import { endpoint } from '../endpoint.ts'
import { digits, named } from '../named-schemas.ts'

const filters = z.strictObject({
  link_id: z.string().optional(),
  client: z.string().optional().meta({ description: 'An address.' }),
  reason: z.string().optional().meta({ description: 'Also of what a rule only observed.' }),
  status: digits(z.int().min(100).max(599)).optional(),
  path: z.string().optional().meta({ description: 'As in the records, or a prefix ending in /*.' }),
  decision: z.enum(['permit', 'deny', 'none']).optional(),
  since: digits(z.int().min(0)).optional().meta({ description: 'Epoch seconds.' }),
  limit: digits(z.int().min(1).max(1000)).default(100),
})

const accessRecord = named(
  'AccessRecord',
  z.object({
    time: z.string(),
    request_id: z.string(),
    route: z.string().nullable(),
    origin: z.string().nullable(),
    policy: z.string().nullable(),
    scheme: z.string().nullable(),
    kid: z.string().nullable(),
    link_id: z.string().nullable(),
    subject: z.string().nullable(),
    client: z.string().nullable(),
    country: z.string().nullable(),
    asn: z.int().nullable(),
    device: z.string().nullable(),
    anti_fraud: z.boolean(),
    method: z.string(),
    path: z.string().nullable(),
    status: z.int(),
    decision: z.enum(['permit', 'deny', 'none']),
    reason: z.string().nullable(),
    detail: z.string().nullable(),
    observed: z.string().nullable(),
    observed_detail: z.string().nullable(),
    bytes: z.int(),
    coverage: z.number().nullable(),
    ended_by: z.enum(['complete', 'client', 'origin', 'gateway']),
    duration_ms: z.number(),
    first_byte_ms: z.number().nullable(),
  }),
)

const listEndpoint = endpoint({
  method: 'GET',
  path: '/v1/records',
  access: ['read'],
  summary: 'List recent requests',
  description: 'From the records that this process keeps in memory.',
  query: filters,
  replies: {
    200: {
      description: 'Those that fit every filter, newest first',
      schema: named('Records', z.object({ records: z.array(accessRecord) })),
    },
  },
  handle({ services, query }) {
    const records: AccessRecord[] = []
    const fits = filterOf(query)
    for (const record of services.recent.newestFirst()) {
      if (records.length === query.limit) break
      if (fits(record)) records.push(record)
    }
    return { status: 200, body: { records } }
  },
})

function filterOf(query: z.output<typeof filters>): (record: AccessRecord) => boolean {
  const { link_id, reason, status, path, decision, since } = query
  const client =
    query.client === undefined ? undefined : (parseAddress(query.client)?.text ?? query.client)
  return (record) =>
    (link_id === undefined || record.link_id === link_id) &&
    (client === undefined || record.client === client) &&
    (reason === undefined || record.reason === reason || record.observed === reason) &&
    (status === undefined || record.status === status) &&
    (path === undefined || isAt(record.path, path)) &&
    (decision === undefined || record.decision === decision) &&
    (since === undefined || Date.parse(record.time) >= since * 1000)
}

function isAt(path: string | null, wanted: string): boolean {
  return wanted.endsWith('/*') ? path?.startsWith(wanted.slice(0, -1)) === true : path === wanted
}

export const recordEndpoints = [listEndpoint]
