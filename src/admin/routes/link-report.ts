import { z } from 'zod'
import type { EpochSeconds } from '../../base/clock.ts'
import type { AccessRecord } from '../../record/access-record.ts'
import { endpoint } from '../endpoint.ts'
import { epochSeconds, named } from '../named-schemas.ts'
import { problem } from '../problem.ts'
import { DECISION_PATH } from './decision.ts'

const reportedDownload = z.object({
  client: z.string().nullable(),
  path: z.string().nullable(),
  requests: z.int(),
  bytes: z.int(),
  coverage: z
    .number()
    .nullable()
    .meta({ description: "The largest share of the object's unique bytes, 0 to 1." }),
  first_at: epochSeconds,
  last_at: epochSeconds,
  ended_by: z
    .enum(['complete', 'client', 'origin', 'gateway'])
    .meta({ description: 'Who ended the last request.' }),
})

const report = named(
  'LinkReport',
  z.object({
    id: z.string(),
    requests: z.int(),
    refused: z.int(),
    bytes: z.int(),
    downloads: z.array(reportedDownload),
  }),
)

export const reportEndpoint = endpoint({
  method: 'GET',
  path: '/v1/links/{id}/report',
  access: ['read'],
  summary: 'Say who downloaded what by a link, and how much of it',
  description:
    'Covers finished requests among the recent records that this process keeps in memory; older ones are in the access log.',
  replies: { 200: { description: 'What is known of the link', schema: report } },
  problems: ['not_found'],
  handle({ services, parameters: { id } }) {
    const records = [...services.recent.newestFirst()].filter((record) => record.link_id === id)
    return records.length > 0 ? { status: 200, body: reportOf(id, records) } : problem('not_found')
  },
})

/** Sums up the records of a link, newest first. A download is a client and a path. */
function reportOf(id: string, records: readonly AccessRecord[]): z.output<typeof report> {
  const downloads = new Map<string, z.output<typeof reportedDownload>>()
  let refused = 0
  let bytes = 0
  for (const record of records) {
    bytes += record.bytes
    if (record.decision === 'deny') refused++
    if (!isDownload(record)) continue
    const key = JSON.stringify([record.client, record.path])
    const known = downloads.get(key)
    if (known) addOlder(known, record)
    else downloads.set(key, beginning(record))
  }
  return { id, requests: records.length, refused, bytes, downloads: [...downloads.values()] }
}

/** A HEAD takes nothing, an error page is no download, and what a proxy delivers is not seen here. */
function isDownload({ decision, method, status, route }: AccessRecord): boolean {
  const isDelivered = (status === 200 || status === 206) && route !== DECISION_PATH
  return decision === 'permit' && method === 'GET' && isDelivered
}

function beginning(record: AccessRecord): z.output<typeof reportedDownload> {
  const { client, path, bytes, coverage, ended_by } = record
  const at = startOf(record)
  return { client, path, requests: 1, bytes, coverage, first_at: at, last_at: at, ended_by }
}

function addOlder(download: z.output<typeof reportedDownload>, record: AccessRecord): void {
  download.requests++
  download.bytes += record.bytes
  if (record.coverage !== null)
    download.coverage = Math.max(download.coverage ?? 0, record.coverage)
  download.first_at = Math.min(download.first_at, startOf(record))
  download.last_at = Math.max(download.last_at, startOf(record))
}

function startOf(record: AccessRecord): EpochSeconds {
  return Math.floor(Date.parse(record.time) / 1000)
}
