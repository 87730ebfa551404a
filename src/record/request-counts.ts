import type { AccessRecord } from './access-record.ts'

/** How often requests were answered alike. */
export interface AnswerCount {
  readonly labels: {
    readonly route: string
    readonly origin: string
    readonly policy: string
    readonly status: string
    readonly decision: string
    readonly reason: string
    readonly observed: string
  }
  readonly requests: number
  readonly bytes: number
}

/** How often links were signed with a key. */
export interface KeyCount {
  readonly kid: string
  readonly scheme: string
  readonly requests: number
}

type Counted = Pick<
  AccessRecord,
  'origin' | 'policy' | 'status' | 'decision' | 'reason' | 'observed'
>

interface AnswerRow {
  readonly like: Counted
  requests: number
  bytes: number
}

interface KeyRow {
  readonly scheme: string | null
  requests: number
}

/**
 * What metrics count of requests, in numbers that cost next to nothing: labels are made when somebody
 * reads them.
 */
export class RequestCounts {
  readonly #routes = new Map<string | null, AnswerRow[]>()
  readonly #keys = new Map<string, KeyRow[]>()

  add(record: AccessRecord): void {
    const row = this.#rowOf(record)
    row.requests++
    row.bytes += record.bytes
    if (record.kid === null) return
    let rows = this.#keys.get(record.kid)
    if (!rows) this.#keys.set(record.kid, (rows = []))
    const key = rows.find(({ scheme }) => scheme === record.scheme)
    if (key) key.requests++
    else rows.push({ scheme: record.scheme, requests: 1 })
  }

  *answers(): Generator<AnswerCount> {
    for (const [route, rows] of this.#routes) {
      for (const { like, requests, bytes } of rows) {
        const { origin, policy, status, decision, reason, observed } = like
        const labels = {
          route: route ?? '',
          origin: origin ?? '',
          policy: policy ?? '',
          status: String(status),
          decision,
          reason: reason ?? '',
          observed: observed ?? '',
        }
        yield { labels, requests, bytes }
      }
    }
  }

  *keys(): Generator<KeyCount> {
    for (const [kid, rows] of this.#keys) {
      for (const { scheme, requests } of rows) yield { kid, scheme: scheme ?? '', requests }
    }
  }

  get totals(): { requests: number; denied: number; bytes: number } {
    const totals = { requests: 0, denied: 0, bytes: 0 }
    for (const rows of this.#routes.values()) {
      for (const { like, requests, bytes } of rows) {
        totals.requests += requests
        totals.bytes += bytes
        if (like.decision === 'deny') totals.denied += requests
      }
    }
    return totals
  }

  /** A route has a handful of answers: comparing them is cheaper than a text made of all labels. */
  #rowOf(record: AccessRecord): AnswerRow {
    const { route, origin, policy, status, decision, reason, observed } = record
    let rows = this.#routes.get(route)
    if (!rows) this.#routes.set(route, (rows = []))
    for (const row of rows) {
      const { like } = row
      if (
        like.status === status &&
        like.reason === reason &&
        like.observed === observed &&
        like.decision === decision &&
        like.origin === origin &&
        like.policy === policy
      ) {
        return row
      }
    }
    const like = { origin, policy, status, decision, reason, observed }
    const row = { like, requests: 0, bytes: 0 }
    rows.push(row)
    return row
  }
}
