import type { Random } from '../fraud/random.ts'
import type { Call, Connection } from './connection.ts'
import type { Observer } from './observer.ts'
import type { Protocol } from './protocol.ts'
import type { HeldLease } from './state-server.ts'
import type { Timeline } from './timeline.ts'

/** Mean length of a download. */
const DOWNLOAD_MS = 8000

export interface NodeParts {
  readonly timeline: Timeline
  readonly random: Random
  readonly observer: Observer
  readonly protocol: Protocol
  readonly connect: () => Connection
  readonly limitOf: (link: number) => number
  /** Names that no other download has. */
  readonly nextMember: () => number
  /** How far its clock is off, and how fast it runs. */
  readonly skewMs: number
  readonly drift: number
}

/** One gateway: admits, renews, gives back, and fails closed while the state does not answer. */
export class GatewayNode {
  readonly #parts: NodeParts
  readonly #open = new Map<number, HeldLease>()
  /** When the state was asked that said last that a place is ours. */
  readonly #confirmed = new Map<number, number>()
  /** Places that the state may count and nobody needs. */
  readonly #owed = new Map<number, HeldLease>()
  #connection: Connection
  #epoch: number | undefined
  #alive = true
  #pausedUntil = 0

  constructor(parts: NodeParts) {
    this.#parts = parts
    this.#connection = parts.connect()
    this.#probe()
    this.#every(parts.protocol.heartbeatMs * parts.drift, () => {
      this.#beat()
    })
  }

  get isPaused(): boolean {
    return this.#pausedUntil > this.#parts.timeline.now
  }

  request(link: number): void {
    const { observer, protocol, limitOf, nextMember } = this.#parts
    const epoch = this.#epoch
    if (epoch === undefined) {
      observer.figures.refusedUnavailable++
      return
    }
    const lease = { link, member: nextMember() }
    const asked = { ...lease, limit: limitOf(link) }
    const askedAt = this.#parts.timeline.now
    this.#call(
      (server, now) => {
        const admission = server.admit(now, epoch, asked, this.#clock() + protocol.leaseMs)
        if (admission === 'full') observer.full(server.holders(link, now), this.#parts.timeline.now)
        return admission
      },
      (admission) => {
        if (admission === 'taken') this.#begin(lease, askedAt)
        else if (admission === 'full') observer.figures.refusedFull++
        else observer.figures.refusedUnavailable++
        if (admission === 'amnesia') this.#goDown()
      },
      () => {
        observer.figures.refusedUnavailable++
        this.#giveBack(lease)
      },
    )
  }

  /** Ends at once with all its connections, as by kill -9. */
  die(): void {
    const { observer, timeline } = this.#parts
    this.#alive = false
    for (const lease of this.#open.values()) {
      if (!this.isPaused) observer.rests(lease.link, timeline.now)
      observer.gone(lease, timeline.now)
    }
    this.#open.clear()
  }

  /** Stands still and sends nothing, as by SIGSTOP. */
  pause(durationMs: number): void {
    const { observer, timeline } = this.#parts
    if (!this.#alive || this.isPaused) return
    this.#pausedUntil = timeline.now + durationMs
    for (const { link } of this.#open.values()) observer.rests(link, timeline.now)
    timeline.at(this.#pausedUntil, () => {
      if (!this.#alive) return
      this.#pausedUntil = 0
      for (const { link } of this.#open.values()) observer.runs(link, timeline.now)
    })
  }

  #begin(lease: HeldLease, askedAt: number): void {
    const { observer, random, timeline } = this.#parts
    observer.figures.starts++
    observer.runs(lease.link, timeline.now)
    this.#open.set(lease.member, lease)
    this.#confirmed.set(lease.member, askedAt)
    this.#soon(random.exponential(DOWNLOAD_MS), () => {
      this.#end(lease)
    })
  }

  #end(lease: HeldLease): void {
    if (!this.#open.delete(lease.member)) return
    this.#confirmed.delete(lease.member)
    this.#parts.observer.rests(lease.link, this.#parts.timeline.now)
    this.#giveBack(lease)
  }

  #giveBack(lease: HeldLease): void {
    this.#parts.observer.gone(lease, this.#parts.timeline.now)
    if (this.#epoch === undefined) {
      this.#owed.set(lease.member, lease)
      return
    }
    this.#call(
      (server) => {
        server.release(lease)
      },
      () => undefined,
      () => {
        this.#owed.set(lease.member, lease)
      },
    )
  }

  #beat(): void {
    const { observer, protocol, limitOf } = this.#parts
    const epoch = this.#epoch
    if (epoch === undefined) return
    const askedAt = this.#parts.timeline.now
    const freshFrom = askedAt - protocol.takesBackForMs
    const leases = [...this.#open.values()].map((lease) => ({
      ...lease,
      isFresh: (this.#confirmed.get(lease.member) ?? 0) > freshFrom,
    }))
    this.#call(
      (server, now) => server.beat(now, epoch, leases, limitOf, this.#clock() + protocol.leaseMs),
      (beat) => {
        if (beat === 'amnesia') {
          this.#goDown()
          return
        }
        for (const [index, lease] of leases.entries()) {
          if (!this.#open.has(lease.member)) continue
          if (beat[index] === 'kept') {
            this.#confirmed.set(lease.member, askedAt)
            continue
          }
          observer.figures.cut++
          this.#end(lease)
        }
      },
      () => undefined,
    )
  }

  #goDown(): void {
    if (this.#epoch === undefined) return
    this.#epoch = undefined
    this.#connection = this.#parts.connect()
    this.#probe()
  }

  #probe(): void {
    this.#call(
      (server, now) => server.hello(now),
      (epoch) => {
        this.#epoch = epoch
        // open downloads are written back at once: nobody is admitted before all nodes did so
        this.#beat()
        const owed = [...this.#owed.values()]
        this.#owed.clear()
        for (const lease of owed) this.#giveBack(lease)
      },
      () => {
        this.#connection = this.#parts.connect()
        this.#soon(this.#parts.protocol.probeMs, () => {
          this.#probe()
        })
      },
    )
  }

  /** Calls the state. Exactly one of both is called; an answer that comes too late counts as none. */
  #call<T>(call: Call<T>, answered: (result: T) => void, failed: () => void): void {
    const connection = this.#connection
    let isSettled = false
    connection.send(call, (result) => {
      this.#whenAwake(0.01, () => {
        if (isSettled || connection !== this.#connection) return
        isSettled = true
        answered(result)
      })
    })
    this.#soon(this.#parts.protocol.commandTimeoutMs, () => {
      if (isSettled) return
      isSettled = true
      this.#goDown()
      failed()
    })
  }

  #every(intervalMs: number, tick: () => void): void {
    this.#soon(intervalMs, () => {
      tick()
      this.#every(intervalMs, tick)
    })
  }

  #soon(delayMs: number, event: () => void): void {
    this.#parts.timeline.after(delayMs, () => {
      this.#whenAwake(0, event)
    })
  }

  /** An event loop that wakes runs its timers before it reads its sockets: late answers wait longer. */
  #whenAwake(behindMs: number, event: () => void): void {
    if (!this.#alive) return
    if (!this.isPaused) event()
    else {
      this.#parts.timeline.at(this.#pausedUntil + behindMs, () => {
        this.#whenAwake(behindMs, event)
      })
    }
  }

  #clock(): number {
    return this.#parts.timeline.now + this.#parts.skewMs
  }
}
