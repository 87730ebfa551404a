import { z } from 'zod'
import { type Address, parseAddress } from '../base/address.ts'

const text = z.string().nullable()
const milliseconds = z.number().nonnegative()

/** Members that older versions did not write are optional. */
const schema = z.object({
  time: z.iso.datetime(),
  duration_ms: milliseconds,
  policy: text,
  scheme: text,
  kid: text,
  link_id: text,
  subject: text,
  client: text,
  country: text,
  asn: z.int().nonnegative().nullish(),
  device: z.string().nullish(),
  anti_fraud: z.boolean().nullish(),
  method: z.string(),
  path: text,
  status: z.int(),
  decision: z.enum(['permit', 'deny', 'none']),
  reason: text,
  detail: text,
  observed: text,
  bytes: z.number().nonnegative(),
  coverage: z.number().min(0).max(1).nullable(),
})

/** A request with a verified link from a known client, as its access record tells of it. */
export interface LoggedRequest {
  /** Milliseconds since the epoch: when the head was complete, and when the response closed. */
  readonly start: number
  readonly end: number
  /** The policy that judged it then. */
  readonly policy: string
  readonly link: LoggedLink
  readonly client: Address
  readonly country: string | undefined
  readonly asn: number | undefined
  readonly device: string | undefined
  readonly method: string
  readonly path: string
  readonly status: number
  /** Why it was refused then; undefined when it was let in. */
  readonly refusal: { readonly reason: string; readonly detail: string } | undefined
  readonly observed: string | undefined
  readonly bytes: number
  /** Undefined when no object was downloaded. */
  readonly coverage: number | undefined
}

/** What a record tells of the link itself. */
export interface LoggedLink {
  readonly scheme: string
  readonly kid: string
  readonly id: string
  readonly subject: string | undefined
  /** Whether anti-fraud was on, by the link or by its policy; undefined in records of older versions. */
  readonly antiFraud: boolean | undefined
}

/** What one line of a log is. */
export type LoggedLine =
  | { readonly kind: 'request'; readonly request: LoggedRequest }
  /** A record that no policy could judge. */
  | { readonly kind: 'skipped'; readonly why: 'no_link' | 'no_client' }
  | { readonly kind: 'unreadable'; readonly why: string }

/** Reads one line of an access log. */
export function readLine(line: string): LoggedLine {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    return { kind: 'unreadable', why: 'is not JSON' }
  }
  const { data: record, error } = schema.safeParse(json)
  if (!record) {
    const at = error.issues[0]?.path.join('.')
    return { kind: 'unreadable', why: `is no access record${at ? `: ${at}` : ''}` }
  }
  const { scheme, kid, link_id: id, policy, path } = record
  if (scheme === null || kid === null || id === null || policy === null || path === null) {
    return { kind: 'skipped', why: 'no_link' }
  }
  if (record.client === null) return { kind: 'skipped', why: 'no_client' }
  const client = parseAddress(record.client)
  if (!client) return { kind: 'unreadable', why: 'is no access record: client' }
  const start = Date.parse(record.time)
  const { subject, anti_fraud, decision, reason, detail } = record
  const request: LoggedRequest = {
    start,
    end: start + record.duration_ms,
    policy,
    link: { scheme, kid, id, subject: subject ?? undefined, antiFraud: anti_fraud ?? undefined },
    client,
    country: record.country ?? undefined,
    asn: record.asn ?? undefined,
    device: record.device ?? undefined,
    method: record.method,
    path,
    status: record.status,
    refusal:
      decision === 'deny' ? { reason: reason ?? 'unknown', detail: detail ?? '' } : undefined,
    observed: record.observed ?? undefined,
    bytes: record.bytes,
    coverage: record.coverage ?? undefined,
  }
  return { kind: 'request', request }
}
