import { randomUUID } from 'node:crypto'
import { addressFromInteger } from '../../src/base/address.ts'
import { GatewayError } from '../../src/base/failure.ts'
import { refuse } from '../../src/base/refusal.ts'
import type {
  DownloadUse,
  LinkQuestion,
  LinkSession,
  TrackedDownload,
  UseVerdict,
} from '../../src/state/link-state.ts'
import { keyText } from '../../src/state/download-ledger.ts'
import type { ValkeyConnection } from '../../src/valkey/connection.ts'
import type { ValkeyLinkState } from '../../src/valkey/link-state.ts'
import { questionOf, sightingOf, useOf } from '../contract/link-state-contract.ts'
import type { Random } from '../../bench/fraud/random.ts'
import { type CountedPlace, OpenPlaces } from '../support/open-places.ts'
import { linkStateOn } from '../support/valkey-link-state.ts'

const CLIENTS = 24
const NOW = Math.floor(Date.now() / 1000)
const COVERAGE = 0.9
export const MAX_NETWORKS = 2
const WINDOW = 3600

/** What a link asks for. */
interface Terms {
  readonly link: string
  readonly limits: readonly { readonly key: string; readonly max: number }[]
  readonly maxConnections: number
  readonly maxUses: number | undefined
  readonly isPinned: boolean
  readonly isWatched: boolean
}

interface Node {
  readonly connection: ValkeyConnection
  readonly state: ValkeyLinkState
  isAlive: boolean
}

/** A connection that has a place. */
interface Open {
  readonly node: Node
  readonly text: string
  readonly places: readonly CountedPlace[]
  readonly session: LinkSession
  readonly download: TrackedDownload
}

/** Nodes that clients use at random, and what these clients know of it. */
export class RandomFleet {
  readonly places = new OpenPlaces()
  readonly lost: string[] = []
  /** Downloads whose bytes were counted, by link; of those whose node died meanwhile nobody knows. */
  readonly used = new Map<string, Set<string>>()
  readonly maybeUsed = new Map<string, Set<string>>()
  /** Clients whose downloads began, by link. */
  readonly pinned = new Map<string, Set<number>>()
  readonly networks = new Map<string, Set<string>>()
  readonly counts = { started: 0, full: 0, refused: 0, unavailable: 0, ended: 0, killed: 0 }
  readonly nodes: Node[] = []
  readonly terms: readonly Terms[]
  readonly #random: Random
  readonly #connect: () => Promise<ValkeyConnection>
  #open: Open[] = []
  #connections = 0

  constructor(random: Random, links: number, connect: () => Promise<ValkeyConnection>) {
    this.#random = random
    this.#connect = connect
    const run = randomUUID()
    this.terms = Array.from({ length: links }, (_, i) => termsOf(`${run}/l${i}`, i))
  }

  get open(): number {
    return this.#open.length
  }

  async join(): Promise<void> {
    const connection = await this.#connect()
    const onLost = (text: string): void => {
      this.lost.push(text)
      for (const open of this.#open.filter((one) => one.node === node && one.text === text)) {
        this.#end(open)
      }
    }
    const node = { connection, state: linkStateOn(connection, { onLost }), isAlive: true }
    this.nodes.push(node)
  }

  /** One start or one end; ends keep as many open as there are `wanted`. */
  async step(wanted: number): Promise<void> {
    const one = this.#open[this.#below(2 * wanted)]
    if (one) this.#end(one)
    else await this.#start()
  }

  /** One node ends as by `kill -9`, in the middle of what it does, and another begins. */
  async kill(): Promise<void> {
    const [dead] = this.nodes.splice(this.#below(this.nodes.length), 1)
    if (!dead) return
    dead.isAlive = false
    dead.connection.close()
    for (const { node, places } of this.#open) if (node === dead) this.places.give(places)
    this.#open = this.#open.filter(({ node }) => node !== dead)
    this.counts.killed++
    await dead.state.close({ abrupt: true })
    await this.join()
  }

  endAll(): void {
    for (const open of [...this.#open]) this.#end(open)
  }

  /** Steps that came to an answer. */
  get answered(): number {
    const { started, full, refused, ended } = this.counts
    return started + full + refused + ended
  }

  /** What a client is told that asks for what nobody holds. */
  async look(terms: Terms): Promise<LinkSession> {
    const [node] = this.nodes
    if (!node) throw new Error('no node is left')
    return await node.state.open({ ...this.#question(terms, CLIENTS), place: undefined })
  }

  /** A download has one place under each limit; each of its connections one under their own. */
  #placesOf({ limits, maxConnections }: Terms, download: string): CountedPlace[] {
    const connection = { key: `connections of ${download}`, max: maxConnections }
    return [
      ...limits.map((limit) => ({ ...limit, holder: download })),
      { ...connection, holder: String(this.#connections++) },
    ]
  }

  #below(end: number): number {
    return this.#random.whole(0, end - 1)
  }

  #end(open: Open): void {
    this.#open.splice(this.#open.indexOf(open), 1)
    this.places.give(open.places)
    open.download.leave()
    open.session.release()
    this.counts.ended++
  }

  async #start(): Promise<void> {
    const terms = this.terms[this.#below(this.terms.length)]
    const node = this.nodes[this.#below(this.nodes.length)]
    const client = this.#below(CLIENTS)
    // of a third the bytes come through
    const isWhole = this.#below(3) === 0
    if (!terms || !node) return
    try {
      await this.#startOn(node, terms, client, isWhole)
    } catch (error) {
      // so it is on a machine that stood still for half a second
      const isAway = error instanceof GatewayError && error.code === 'ERR_STATE_UNAVAILABLE'
      if (node.isAlive && !isAway) throw error
      this.counts.unavailable++
    }
  }

  async #startOn(node: Node, terms: Terms, client: number, isWhole: boolean): Promise<void> {
    const question = this.#question(terms, client)
    const session = await node.state.open(question)
    if (!node.isAlive) return
    if (session.place.outcome !== 'held') {
      this.counts.full++
      session.release()
      return
    }
    const text = keyText(question.download)
    const places = this.#placesOf(terms, text)
    this.places.take(places)
    const verdict = this.#judge(session, terms, client)
    const begun =
      verdict.outcome === 'refused'
        ? verdict
        : await node.state.begin(session, this.#use(question, terms, client))
    // its places went with it
    if (!node.isAlive) {
      this.places.give(places)
      return
    }
    if (begun.outcome === 'refused') {
      this.counts.refused++
      this.places.give(places)
      session.release()
      return
    }
    this.counts.started++
    if (terms.isPinned) add(this.pinned, terms.link, client)
    if (terms.isWatched) add(this.networks, terms.link, networkOf(client))
    this.#open.push({ node, text, places, session, download: begun.download })
    if (!isWhole) return
    await begun.download.count(0, 100)
    if (terms.maxUses === undefined) return
    add(node.isAlive ? this.used : this.maybeUsed, terms.link, text)
  }

  #question({ link, limits, maxConnections, ...terms }: Terms, client: number): LinkQuestion {
    const key = { link, object: '/a', client: `192.0.2.${client}` }
    return questionOf(key, {
      now: NOW,
      place: { maxConnections, limits },
      uses: terms.maxUses === undefined ? undefined : { max: terms.maxUses, coverage: COVERAGE },
      wantsFirstAddress: terms.isPinned,
      sightings: terms.isWatched ? [{ key: `link:${link}`, after: NOW - WINDOW }] : [],
    })
  }

  #use(question: LinkQuestion, terms: Terms, client: number): DownloadUse {
    return useOf(question.download, {
      now: NOW,
      expires: NOW + 3600,
      uses: question.uses,
      judge: (now) => this.#judge(now, terms, client),
      ...(terms.isPinned && { pin: addressOf(client) }),
      ...(terms.isWatched && {
        sighting: sightingOf(networkOf(client)),
        counted: [{ key: `link:${terms.link}`, windowSeconds: WINDOW }],
      }),
    })
  }

  #judge(session: LinkSession, terms: Terms, client: number): UseVerdict {
    const { firstAddress, known, spent, reserved } = session
    if (terms.isPinned && firstAddress && firstAddress.text !== addressOf(client).text) {
      return { outcome: 'refused', refusal: refuse('address_not_allowed', '') }
    }
    if (terms.maxUses !== undefined && !known?.used && spent + reserved >= terms.maxUses) {
      return { outcome: 'refused', refusal: refuse('link_used', '') }
    }
    if (terms.isWatched) {
      const { networks } = session.sightings(`link:${terms.link}`)
      const isKnown = networks.some(({ network }) => network === networkOf(client))
      if (!isKnown && networks.length >= MAX_NETWORKS) {
        return { outcome: 'refused', refusal: refuse('link_shared', '') }
      }
    }
    return { outcome: 'counted' }
  }
}

/** Limits of 1 to 3 by link, subject and address in all mixtures, and each of the others for some. */
function termsOf(link: string, i: number): Terms {
  const limits = [
    { key: `link ${link}`, max: 1 + (i % 3) },
    { key: `subject s${i % 211}`, max: 1 + ((i % 211) % 3) },
    { key: `address 198.51.100.${i % 199}`, max: 1 + ((i % 199) % 3) },
  ].filter((_, kind) => (1 + (i % 7)) & (1 << kind))
  return {
    link,
    limits,
    maxConnections: 1 + (i % 2),
    maxUses: i % 5 === 0 ? 2 + (i % 7) : undefined,
    isPinned: i % 11 === 0,
    isWatched: i % 13 === 0,
  }
}

function addressOf(client: number) {
  return addressFromInteger(0xc0000200 + client)
}

function networkOf(client: number): string {
  return `10.0.${client % 6}.0/24`
}

function add<T>(sets: Map<string, Set<T>>, key: string, value: T): void {
  let set = sets.get(key)
  if (!set) sets.set(key, (set = new Set()))
  set.add(value)
}
