import type { AccessRecord } from '../record/access-record.ts'
import { peerOf } from './receive.ts'
import type { RefusedBytes } from './request-order.ts'

/** The record of bytes that were no request; `now` in milliseconds since the epoch. */
export function recordOfRefusedBytes(
  { id, status, fault, socket, bytes }: RefusedBytes,
  now: number,
): AccessRecord {
  return {
    time: new Date(now).toISOString(),
    request_id: id,
    route: null,
    origin: null,
    policy: null,
    scheme: null,
    kid: null,
    link_id: null,
    subject: null,
    client: peerOf(socket)?.text ?? null,
    country: null,
    asn: null,
    device: null,
    anti_fraud: false,
    method: '',
    path: null,
    status,
    decision: 'deny',
    reason: 'request_invalid',
    detail: fault,
    observed: null,
    observed_detail: null,
    bytes,
    coverage: null,
    ended_by: 'complete',
    duration_ms: 0,
    first_byte_ms: 0,
  }
}
