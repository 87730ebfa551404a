/** The numbers and the parts of the lease protocol; a part can be left out to see what it is for. */
export interface Protocol {
  /** How long a place lives that nobody renews. */
  readonly leaseMs: number
  readonly heartbeatMs: number
  readonly commandTimeoutMs: number
  readonly probeMs: number
  /** How long a state that may have forgotten something admits nobody, while nodes write back. */
  readonly holdMs: number
  /** A state that heard no heartbeat for so long may have let leases run out that are still in use. */
  readonly silenceMs: number
  /** Whether each admission sees that the data was flushed; in a Cluster only heartbeats do. */
  readonly admissionsSeeEpoch: boolean
  readonly watchesSilence: boolean
  /**
   * While nobody is admitted a node takes back, room or not, what the state gave it so short a time ago
   * that nobody else can have it.
   */
  readonly takesBackForMs: number
  /** Whose clock says when a lease ends. */
  readonly clock: 'server' | 'node'
}

export const PROTOCOL: Protocol = {
  leaseMs: 4500,
  heartbeatMs: 1500,
  commandTimeoutMs: 500,
  probeMs: 500,
  holdMs: 4000,
  silenceMs: 3000,
  admissionsSeeEpoch: true,
  watchesSilence: true,
  takesBackForMs: 4000,
  clock: 'server',
}
