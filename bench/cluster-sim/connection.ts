import type { Random } from '../fraud/random.ts'
import type { StateServer } from './state-server.ts'
import type { Timeline } from './timeline.ts'

/** How messages travel. */
export interface Weather {
  /** Share of messages that wait long, and of those that never arrive within a timeout. */
  readonly slow: number
  readonly lost: number
}

export type Call<T> = (server: StateServer, serverNow: number) => T

/** Where the state answers. It may be another process tomorrow, or two at once. */
export interface Site {
  readonly server: StateServer
  readonly isUp: boolean
  /** Until when the process is stopped; what arrives meanwhile waits in its sockets. */
  readonly stoppedUntil: number
  readonly serverNow: () => number
}

/** One connection of a node to the state: in order, with delays and losses. */
export class Connection {
  readonly #timeline: Timeline
  readonly #random: Random
  readonly #weather: Weather
  readonly #site: () => Site | undefined
  #lastArrival = 0

  /** `site` answers where messages arrive now; undefined while nothing gets through. */
  constructor(parts: {
    readonly timeline: Timeline
    readonly random: Random
    readonly weather: Weather
    readonly site: () => Site | undefined
  }) {
    this.#timeline = parts.timeline
    this.#random = parts.random
    this.#weather = parts.weather
    this.#site = parts.site
  }

  /** Runs a call at the server; `answered` may never come. */
  send<T>(call: Call<T>, answered: (result: T) => void): void {
    if (this.#isLost()) return
    this.#lastArrival = Math.max(this.#lastArrival, this.#timeline.now + this.#delay())
    this.#timeline.at(this.#lastArrival, () => {
      this.#arrive(call, answered)
    })
  }

  #arrive<T>(call: Call<T>, answered: (result: T) => void): void {
    const site = this.#site()
    if (!site?.isUp) return
    if (site.stoppedUntil > this.#timeline.now) {
      // the process reads its sockets when it goes on, in the order of arrival
      this.#timeline.at(site.stoppedUntil, () => {
        this.#arrive(call, answered)
      })
      return
    }
    const result = call(site.server, site.serverNow())
    if (this.#isLost()) return
    this.#timeline.after(this.#delay(), () => {
      answered(result)
    })
  }

  #isLost(): boolean {
    return this.#random.chance(this.#weather.lost)
  }

  #delay(): number {
    const { slow } = this.#weather
    return this.#random.chance(slow)
      ? this.#random.between(20, 400)
      : this.#random.between(0.1, 1.5)
  }
}
