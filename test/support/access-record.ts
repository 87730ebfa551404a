import type { AccessRecord } from '../../src/record/access-record.ts'

/** The record of a whole download by a link, if the parts do not say otherwise. */
export function accessRecord(parts: Partial<AccessRecord> = {}): AccessRecord {
  return {
    time: '2027-01-15T08:00:00.000Z',
    request_id: 'r1',
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
  }
}
