import { Random } from '../fraud/random.ts'
import { Connection, type Site, type Weather } from './connection.ts'
import { GatewayNode } from './gateway-node.ts'
import { type Figures, Observer } from './observer.ts'
import { PROTOCOL, type Protocol } from './protocol.ts'
import { StateServer } from './state-server.ts'
import { Timeline } from './timeline.ts'

export interface ClusterSize {
  readonly nodes: number
  readonly links: number
  readonly steps: number
  readonly seed: number
}

/** What goes wrong, again and again. */
export interface Trouble {
  /** Mean time between two of them. */
  readonly everyMs: number
  strike(cluster: Cluster): void
}

export interface Conditions {
  readonly weather?: Weather
  readonly troubles?: readonly Trouble[]
  readonly protocol?: Partial<Protocol>
}

/** Requests a second for each link: most links are asked for more often than they may be downloaded. */
const REQUESTS_PER_LINK = 0.5
const CALM: Weather = { slow: 0.001, lost: 0 }

/** Gateways, the state that they share, and whoever downloads. */
export class Cluster {
  readonly timeline = new Timeline()
  readonly random: Random
  /** The state that nodes find when they look for it. */
  primary: Site & { isUp: boolean; stoppedUntil: number }
  readonly protocol: Protocol
  readonly #size: ClusterSize
  readonly #observer = new Observer(limitOf)
  readonly #weather: Weather
  readonly #nodes: GatewayNode[]
  readonly #cutOff = new Map<number, number>()
  readonly #strays = new Map<number, { readonly site: Site; readonly until: number }>()
  #members = 0
  #clockStep = 0

  constructor(size: ClusterSize, { weather = CALM, troubles = [], protocol }: Conditions) {
    this.#size = size
    this.#weather = weather
    this.protocol = { ...PROTOCOL, ...protocol }
    this.random = new Random(size.seed)
    this.primary = this.site(new StateServer(this.protocol))
    this.#nodes = Array.from({ length: size.nodes }, (_, index) => this.#startNode(index))
    for (const trouble of troubles) this.#repeat(trouble)
    this.#request()
  }

  run(): Figures {
    this.timeline.run(this.#size.steps)
    return this.#observer.end(this.timeline.now)
  }

  get seconds(): number {
    return this.timeline.now / 1000
  }

  site(server: StateServer): Site & { isUp: boolean; stoppedUntil: number } {
    const serverNow = (): number => this.timeline.now + this.#clockStep
    return { server, isUp: true, stoppedUntil: 0, serverNow }
  }

  killNode(downMs: number): void {
    const index = this.random.whole(0, this.#size.nodes - 1)
    const node = this.#nodes[index]
    if (!node) return
    node.die()
    this.timeline.after(downMs, () => {
      // another may have died in its place meanwhile, and be back
      if (this.#nodes[index] === node) this.#nodes[index] = this.#startNode(index)
    })
  }

  pauseNode(durationMs: number): void {
    this.random.pick(this.#nodes).pause(durationMs)
  }

  /** Nothing goes between one node and the state. */
  cutOffNode(durationMs: number): void {
    const index = this.random.whole(0, this.#size.nodes - 1)
    this.#cutOff.set(index, this.timeline.now + durationMs)
  }

  /** Some nodes go on with a site that the others left. */
  strand(site: Site, durationMs: number): void {
    for (let index = 0; index < this.#size.nodes; index += 3) {
      this.#strays.set(index, { site, until: this.timeline.now + durationMs })
    }
  }

  stepServerClock(ms: number): void {
    this.#clockStep += ms
  }

  #startNode(index: number): GatewayNode {
    const { timeline, random } = this
    return new GatewayNode({
      timeline,
      random,
      observer: this.#observer,
      protocol: this.protocol,
      limitOf,
      nextMember: () => this.#members++,
      skewMs: random.between(-5000, 5000),
      drift: random.between(0.99, 1.01),
      connect: () => this.#connect(index),
    })
  }

  /** A connection stays with the process that it was made to. */
  #connect(index: number): Connection {
    const { timeline, random } = this
    const target = this.#reach(index)
    const runId = target.server.runId
    return new Connection({
      timeline,
      random,
      weather: this.#weather,
      site: () => {
        if ((this.#cutOff.get(index) ?? 0) > timeline.now) return undefined
        const isSame = this.#reach(index) === target && target.server.runId === runId
        return isSame ? target : undefined
      },
    })
  }

  #reach(index: number): Site {
    const stray = this.#strays.get(index)
    return stray && stray.until > this.timeline.now ? stray.site : this.primary
  }

  #request(): void {
    const { random, timeline } = this
    const { nodes, links } = this.#size
    timeline.after(random.exponential(1000 / (links * REQUESTS_PER_LINK)), () => {
      this.#nodes[random.whole(0, nodes - 1)]?.request(random.whole(0, links - 1))
      this.#request()
    })
  }

  #repeat(trouble: Trouble): void {
    this.timeline.after(this.random.exponential(trouble.everyMs), () => {
      trouble.strike(this)
      this.#repeat(trouble)
    })
  }
}

/** A third of the links each may have one, two and three downloads. */
function limitOf(link: number): number {
  return 1 + (link % 3)
}
