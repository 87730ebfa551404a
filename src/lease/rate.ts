import type { Clock } from '../base/clock.ts'
import { AbandonedFlows } from './abandoned-flows.ts'

/** What a flow lets through at once after a pause, in seconds of its rate. */
const BURST_SECONDS = 0.4
/** What those who waited may catch up when a busy process served them late. */
const LATE_SECONDS = 1
/** A flow begins with so many seconds of its rate. */
const FIRST_SECONDS = 0.2
/** Those who wait are served together: at most 20 times a second, and each time for what 0.4 s earned at most. */
const SHORTEST_ROUND_SECONDS = 0.05
const LONGEST_ROUND_SECONDS = 0.4
/** Between the two, rounds are as long as it takes to have so many bytes for each who waits. */
const WORTHWHILE_BYTES = 16 * 1024
/** Rounds of all flows begin at multiples of this, so that thousands of them wake the process together. */
const GRID_MS = 10

/** Somebody with bytes to send. */
export interface Waiter {
  /** Bytes that are ready, at least one. */
  readonly wanted: number
  /** So many of them may be sent now. */
  go(bytes: number): void
}

/** What bytes wait for before they are sent. */
export interface ByteRate {
  /** How many of the wanted bytes may be sent at once; after 0 the waiter hears when its turn has come. */
  take(waiter: Waiter): number
  /** Takes a waiter out of the line. */
  leave(waiter: Waiter): void
}

/**
 * One flow of bytes, a token bucket that all connections of the flow take from. Those who find it empty
 * stand in line and are served in rounds, each with the same share.
 */
export class SharedRate implements ByteRate {
  readonly #clock: Clock
  readonly #line = new Set<Waiter>()
  #bytesPerSecond: number
  #tokens: number
  #filledAt: number
  #timer: NodeJS.Timeout | undefined
  #isServing = false

  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerSecond = bytesPerSecond
    this.#clock = clock
    this.#tokens = bytesPerSecond * FIRST_SECONDS
    this.#filledAt = clock.monotonic()
  }

  get bytesPerSecond(): number {
    return this.#bytesPerSecond
  }

  /** From now on, also for those who wait. */
  changeTo(bytesPerSecond: number): void {
    if (bytesPerSecond === this.#bytesPerSecond) return
    this.#fill()
    this.#bytesPerSecond = bytesPerSecond
    this.#tokens = Math.min(this.#tokens, this.#capacity)
    if (this.#timer === undefined) return
    this.#stop()
    this.#wake()
  }

  take(waiter: Waiter): number {
    this.#fill()
    const { wanted } = waiter
    const isFree = this.#line.size === 0 && !this.#isServing
    if (isFree && this.#tokens >= Math.min(wanted, this.#round)) {
      const granted = Math.min(wanted, Math.floor(this.#tokens))
      this.#tokens -= granted
      return granted
    }
    this.#line.add(waiter)
    this.#wake()
    return 0
  }

  leave(waiter: Waiter): void {
    this.#line.delete(waiter)
    if (this.#line.size === 0) this.#stop()
  }

  /** Gives back what was taken and not used. */
  giveBack(bytes: number): void {
    this.#tokens += bytes
  }

  get #capacity(): number {
    const seconds = this.#line.size > 0 ? LATE_SECONDS : BURST_SECONDS
    return Math.max(1, this.#bytesPerSecond * seconds)
  }

  /** Bytes that a round is worth waiting for. */
  get #round(): number {
    const perSecond = this.#bytesPerSecond
    const wanted = Math.max(SHORTEST_ROUND_SECONDS * perSecond, WORTHWHILE_BYTES * this.#line.size)
    return Math.max(1, Math.min(LONGEST_ROUND_SECONDS * perSecond, wanted))
  }

  #fill(): void {
    const now = this.#clock.monotonic()
    const earned = ((now - this.#filledAt) / 1000) * this.#bytesPerSecond
    this.#filledAt = now
    this.#tokens = Math.min(this.#capacity, this.#tokens + earned)
  }

  #wake(): void {
    if (this.#timer !== undefined || this.#isServing) return
    const missing = Math.max(0, this.#round - this.#tokens)
    const now = this.#clock.monotonic()
    const due = Math.ceil((now + (missing / this.#bytesPerSecond) * 1000) / GRID_MS) * GRID_MS
    this.#timer = setTimeout(this.#serve, due - now)
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  readonly #serve = (): void => {
    this.#timer = undefined
    this.#fill()
    // chunks differ in size, connections should not: each gets the same in a round, in one go or in many
    const share = Math.max(1, Math.floor(this.#tokens / this.#line.size))
    const given = new Map<Waiter, number>()
    this.#isServing = true
    try {
      // who wants more stands at the end of the line again, still within this loop
      for (const waiter of this.#line) {
        const before = given.get(waiter) ?? 0
        const granted = Math.min(waiter.wanted, share - before, Math.floor(this.#tokens))
        if (granted <= 0) continue
        this.#line.delete(waiter)
        this.#tokens -= granted
        given.set(waiter, before + granted)
        waiter.go(granted)
      }
    } finally {
      this.#isServing = false
    }
    if (this.#line.size > 0) this.#wake()
  }
}

/** Two flows that both bind: the link's own and the one of its subject. */
export class RatesInSeries implements ByteRate {
  readonly #first: SharedRate
  readonly #second: SharedRate
  /** Where a waiter stands now, if it waits. */
  readonly #standing = new Map<Waiter, Standing>()

  constructor(first: SharedRate, second: SharedRate) {
    this.#first = first
    this.#second = second
  }

  take(waiter: Waiter): number {
    const step: Waiter = {
      wanted: waiter.wanted,
      go: (bytes) => {
        this.#standing.delete(waiter)
        const granted = this.#takeSecond(waiter, bytes)
        if (granted > 0) waiter.go(granted)
      },
    }
    const bytes = this.#first.take(step)
    if (bytes > 0) return this.#takeSecond(waiter, bytes)
    this.#standing.set(waiter, { rate: this.#first, step, held: 0 })
    return 0
  }

  leave(waiter: Waiter): void {
    const standing = this.#standing.get(waiter)
    if (!standing) return
    this.#standing.delete(waiter)
    standing.rate.leave(standing.step)
    this.#first.giveBack(standing.held)
  }

  /** Takes of the second flow what the first one gave; the rest goes back. */
  #takeSecond(waiter: Waiter, bytes: number): number {
    const step: Waiter = {
      wanted: bytes,
      go: (granted) => {
        this.#standing.delete(waiter)
        this.#first.giveBack(bytes - granted)
        waiter.go(granted)
      },
    }
    const granted = this.#second.take(step)
    if (granted > 0) this.#first.giveBack(bytes - granted)
    else this.#standing.set(waiter, { rate: this.#second, step, held: bytes })
    return granted
  }
}

interface Standing {
  readonly rate: SharedRate
  readonly step: Waiter
  /** Bytes that the first flow gave already. */
  readonly held: number
}

/** The rates that the holders of one flow came with: the strictest of them holds for all. */
export class FlowLimits {
  readonly #holders = new Map<number, number>()

  get strictest(): number {
    return Math.min(...this.#holders.keys())
  }

  get isEmpty(): boolean {
    return this.#holders.size === 0
  }

  add(bytesPerSecond: number): void {
    this.#holders.set(bytesPerSecond, (this.#holders.get(bytesPerSecond) ?? 0) + 1)
  }

  remove(bytesPerSecond: number): void {
    const left = (this.#holders.get(bytesPerSecond) ?? 0) - 1
    if (left > 0) this.#holders.set(bytesPerSecond, left)
    else this.#holders.delete(bytesPerSecond)
  }
}

/** A flow that a connection holds. */
export interface JoinedRate {
  readonly rate: SharedRate
  /** Safe to call twice. */
  readonly leave: () => void
}

/** The flows of links and subjects that are being downloaded now. */
export class RateRegistry {
  readonly #flows = new Map<string, { readonly rate: SharedRate; readonly limits: FlowLimits }>()
  readonly #abandoned = new AbandonedFlows<SharedRate>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Joins the flow of a key. While its holders came with different rates the strictest holds for all. */
  join(key: string, bytesPerSecond: number): JoinedRate {
    let flow = this.#flows.get(key)
    if (!flow) {
      const rate = this.#abandoned.take(key) ?? new SharedRate(bytesPerSecond, this.#clock)
      flow = { rate, limits: new FlowLimits() }
      this.#flows.set(key, flow)
    }
    const { rate, limits } = flow
    limits.add(bytesPerSecond)
    rate.changeTo(limits.strictest)
    let isHeld = true
    return {
      rate,
      leave: () => {
        if (!isHeld) return
        isHeld = false
        limits.remove(bytesPerSecond)
        if (!limits.isEmpty) {
          rate.changeTo(limits.strictest)
          return
        }
        this.#flows.delete(key)
        this.#abandoned.put(key, rate)
      },
    }
  }
}
