/** Who ended a response. */
export type EndedBy = 'complete' | 'client' | 'origin' | 'gateway'

/** One line per request, whatever happened. Never holds a token, a query or a key. */
export interface AccessRecord {
  readonly time: string
  readonly request_id: string
  readonly route: string | null
  readonly origin: string | null
  readonly policy: string | null
  readonly scheme: string | null
  readonly kid: string | null
  readonly link_id: string | null
  readonly subject: string | null
  readonly client: string | null
  /** ISO 3166-1 alpha-2; null as long as no country data is loaded. */
  readonly country: string | null
  /** Null as long as no AS data is loaded. */
  readonly asn: number | null
  /** Signature of the client's program; null where anti-fraud is off. */
  readonly device: string | null
  /** Whether anti-fraud was on. */
  readonly anti_fraud: boolean
  readonly method: string
  readonly path: string | null
  readonly status: number
  readonly decision: 'permit' | 'deny' | 'none'
  /** The reason of a refusal, or the code of a failure. */
  readonly reason: string | null
  /** For operators: what exactly did not hold. */
  readonly detail: string | null
  /** What a rule in observe mode would have refused, or what the download was slowed for. */
  readonly observed: string | null
  /** For operators: what exactly did not hold there. */
  readonly observed_detail: string | null
  /** Body bytes handed to the kernel. */
  readonly bytes: number
  /** Share of the object's unique bytes that this download has by now, 0 to 1. */
  readonly coverage: number | null
  readonly ended_by: EndedBy
  readonly duration_ms: number
  readonly first_byte_ms: number | null
}

/** Takes finished records. */
export interface RecordSink {
  write(record: AccessRecord): void
}
