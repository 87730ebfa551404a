import type { AccessRecord } from '../../src/record/access-record.ts'
import { NOW } from './request-parts.ts'

/** Members of a record, and when its request began, in seconds after `NOW`. */
export interface RecordParts extends Partial<Omit<AccessRecord, 'time'>> {
  readonly at?: number
}

/** A line of an access log: a download by a link, if the parts do not say otherwise. */
export function logLine({ at = 0, ...parts }: RecordParts = {}): string {
  return JSON.stringify({
    time: new Date((NOW + at) * 1000).toISOString(),
    request_id: 'r',
    route: '/files/',
    origin: 'library',
    policy: 'default',
    scheme: 'sluice-hmac',
    kid: 'k1',
    link_id: 'link-1',
    subject: null,
    client: '5.9.0.1',
    country: null,
    asn: null,
    device: null,
    anti_fraud: false,
    method: 'GET',
    path: '/files/a.bin',
    status: 200,
    decision: 'permit',
    reason: null,
    detail: null,
    observed: null,
    observed_detail: null,
    bytes: 1000,
    coverage: 1,
    ended_by: 'complete',
    duration_ms: 5,
    first_byte_ms: 1,
    ...parts,
  })
}
