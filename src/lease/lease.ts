/** A counted key and how many downloads it may have at once. */
export interface LeaseLimit {
  readonly key: string
  /** Downloads; Infinity counts without refusing. */
  readonly max: number
}

/** What one connection asks for. */
export interface LeaseRequest {
  /** Names the download that this connection belongs to: link, object and client. */
  readonly download: string
  readonly maxConnections: number
  readonly limits: readonly LeaseLimit[]
}

/** A held share of one connection in each limit. */
export interface Lease {
  /** Gives the share back. May be called twice and counts once. */
  release(): void
}

export type LeaseOutcome =
  | { readonly outcome: 'held'; readonly lease: Lease }
  | {
      readonly outcome: 'refused'
      readonly by: 'downloads' | 'connections'
      readonly limit: number
    }

/** Counts open downloads and their connections. */
export interface LeaseStore {
  /** Takes a share in all limits of the request, or in none. */
  acquire(request: LeaseRequest): LeaseOutcome
  /** Open downloads under a key. */
  openDownloads(key: string): number
  /** Connections held in all. */
  readonly held: number
}
