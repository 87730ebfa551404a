import type { Protocol } from './protocol.ts'

export interface HeldLease {
  readonly link: number
  readonly member: number
}

/** A lease that a node says it holds; a fresh one was confirmed a short time ago. */
export interface RenewedLease extends HeldLease {
  readonly isFresh: boolean
}

export type Admission = 'taken' | 'full' | 'hold' | 'amnesia'
export type Beat = 'amnesia' | readonly ('kept' | 'lost')[]

/** What a server keeps; a copy of it is what a replica or a disk has. */
interface Data {
  readonly places: Map<number, Map<number, number>>
  epoch: number | undefined
  heldUntil: number
  /** When a node was heard last. */
  heardAt: number | undefined
}

/** The scripts of the state server. Every call is one step: nothing else runs within it. */
export class StateServer {
  readonly #protocol: Protocol
  #data: Data = emptyData()
  runId = 1

  constructor(protocol: Protocol) {
    this.#protocol = protocol
  }

  /** First call of a connection: a state that another process filled may lack what came last. */
  hello(now: number): number {
    this.#notice(now)
    if (this.#data.epoch !== this.runId) {
      this.#data.epoch = this.runId
      this.#hold(now)
    }
    return this.runId
  }

  /** Takes a place. `expiresAt` counts only where leases end by the clocks of nodes. */
  admit(
    now: number,
    epoch: number,
    lease: HeldLease & { limit: number },
    expiresAt: number,
  ): Admission {
    if (this.#protocol.admissionsSeeEpoch && this.#data.epoch !== epoch) return 'amnesia'
    this.#notice(now)
    if (now < this.#data.heldUntil) return 'hold'
    const members = this.#membersAt(lease.link, now)
    if (members.size >= lease.limit) return 'full'
    members.set(lease.member, this.#end(now, expiresAt))
    return 'taken'
  }

  /** Renews leases. One that is gone is taken again if there is room. */
  beat(
    now: number,
    epoch: number,
    leases: readonly RenewedLease[],
    limitOf: (link: number) => number,
    expiresAt: number,
  ): Beat {
    if (this.#data.epoch !== epoch) return 'amnesia'
    this.#notice(now)
    this.#data.heardAt = now
    const isHeld = now < this.#data.heldUntil
    return leases.map(({ link, member, isFresh }) => {
      const members = this.#membersAt(link, now)
      const hasRoom = (isHeld && isFresh) || members.has(member) || members.size < limitOf(link)
      if (!hasRoom) return 'lost'
      members.set(member, this.#end(now, expiresAt))
      return 'kept'
    })
  }

  release({ link, member }: HeldLease): void {
    this.#data.places.get(link)?.delete(member)
  }

  /** Who has a place of a link now. */
  holders(link: number, now: number): Iterable<number> {
    return this.#membersAt(link, now).keys()
  }

  copy(): Data {
    const places = new Map(
      [...this.#data.places].map(([link, members]) => [link, new Map(members)]),
    )
    return { ...this.#data, places }
  }

  /** Another process goes on with what it has: a copy, or nothing. */
  restart(data: Data = emptyData()): void {
    this.#data = data
    this.runId++
  }

  flush(): void {
    this.#data = emptyData()
  }

  #hold(now: number): void {
    this.#data.heldUntil = now + this.#protocol.holdMs
  }

  #notice(now: number): void {
    const { heardAt } = this.#data
    if (!this.#protocol.watchesSilence) return
    // a clock that was set back shows too
    if (heardAt !== undefined && Math.abs(now - heardAt) <= this.#protocol.silenceMs) return
    this.#data.heardAt = now
    this.#hold(now)
  }

  #end(now: number, expiresAt: number): number {
    return this.#protocol.clock === 'server' ? now + this.#protocol.leaseMs : expiresAt
  }

  #membersAt(link: number, now: number): Map<number, number> {
    let members = this.#data.places.get(link)
    if (!members) this.#data.places.set(link, (members = new Map<number, number>()))
    for (const [member, end] of members) if (end <= now) members.delete(member)
    return members
  }
}

function emptyData(): Data {
  return { places: new Map(), epoch: undefined, heldUntil: 0, heardAt: undefined }
}
