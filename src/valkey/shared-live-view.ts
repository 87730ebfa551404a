import { randomUUID } from 'node:crypto'
import type {
  LiveView,
  LocalLiveView,
  NodeInfo,
  RunningDownload,
  RunningDownloads,
} from '../state/live-view.ts'
import type { Revocation } from '../state/revocation-index.ts'
import type { ValkeyConnection } from './connection.ts'
import { Events } from './events.ts'
import { type Answer, answerSchema, askSchema, nodeChannel, type Wish } from './live-messages.ts'
import type { NodeRegistry } from './nodes.ts'

/** How long the others have to answer. */
const PATIENCE_MS = 500
/** A message with more would take long enough to delay what comes behind it. */
const DOWNLOADS_PER_MESSAGE = 200
/** The server cuts a listener that has 32 MB waiting (`client-output-buffer-limit pubsub`). */
const MOST_OF_A_NODE = 10_000

interface Asked {
  hear(answer: Answer): void
}

/** The downloads of all nodes: each is asked for its own when somebody wants to know. */
export class SharedLiveView implements LiveView {
  readonly #connection: ValkeyConnection
  readonly #local: LocalLiveView
  readonly #registry: NodeRegistry
  readonly #events: Events
  readonly #own: Events
  readonly #id: string
  readonly #asked = new Map<string, Asked>()

  constructor(
    connection: ValkeyConnection,
    events: Events,
    registry: NodeRegistry,
    local: LocalLiveView,
  ) {
    this.#connection = connection
    this.#events = events
    this.#registry = registry
    this.#local = local
    this.#id = local.nodes()[0].id
    this.#own = new Events(connection, nodeChannel(connection.prefix, this.#id))
  }

  /** Listens to the questions of others, and to answers. */
  async start(): Promise<void> {
    this.#events.on('ask', askSchema, ({ number, from, wish }) => {
      // who asked waits no longer than for one that is gone
      if (from !== this.#id) this.#answer(number, from, wish).catch(() => undefined)
    })
    this.#own.on('answer', answerSchema, (answer) => {
      this.#asked.get(answer.number)?.hear(answer)
    })
    await this.#own.start()
  }

  get count(): number {
    return this.#local.count
  }

  nodes(): readonly NodeInfo[] {
    return this.#registry.list()
  }

  async list(): Promise<RunningDownloads> {
    const [here, there] = await Promise.all([this.#local.list(), this.#ask({ wants: 'list' })])
    return {
      downloads: [...here.downloads, ...there.answers.flatMap(({ downloads }) => downloads)],
      unanswered: there.unanswered,
      omitted: there.answers.reduce((sum, { omitted }) => sum + omitted, 0),
    }
  }

  async find(id: string): Promise<RunningDownload | undefined> {
    const here = await this.#local.find(id)
    if (here) return here
    const isIt = ({ downloads }: Answer): boolean => downloads.length > 0
    const { answers } = await this.#ask({ wants: 'find', download: id }, isIt)
    return answers.find(isIt)?.downloads[0]
  }

  async end(id: string, detail: string): Promise<boolean> {
    if (await this.#local.end(id, detail)) return true
    const isIt = ({ ended }: Answer): boolean => ended > 0
    const { answers } = await this.#ask({ wants: 'end', download: id, detail }, isIt)
    return answers.some(isIt)
  }

  async endRevoked(revocation: Revocation): Promise<number> {
    const here = await this.#local.endRevoked(revocation)
    const { answers } = await this.#ask({ wants: 'endRevoked', revocation })
    return answers.reduce((sum, { ended }) => sum + ended, here)
  }

  /** Gathers until every node that is alive has answered, one has what is looked for, or time is up. */
  async #ask(
    wish: Wish,
    isEnough: (answer: Answer) => boolean = () => false,
  ): Promise<{ readonly answers: readonly Answer[]; readonly unanswered: readonly string[] }> {
    // a node that came a moment ago counts, too
    await this.#registry.beat()
    const number = randomUUID()
    const waiting = new Set(this.#registry.list().map((node) => node.id))
    waiting.delete(this.#id)
    const answers: Answer[] = []
    const all = Promise.withResolvers<void>()
    const timer = setTimeout(all.resolve, PATIENCE_MS)
    this.#asked.set(number, {
      hear(answer) {
        answers.push(answer)
        if (answer.isLast) waiting.delete(answer.node)
        if (waiting.size === 0 || isEnough(answer)) all.resolve()
      },
    })
    try {
      await this.#events.publish({ type: 'ask', number, from: this.#id, wish })
      if (waiting.size > 0) await all.promise
    } finally {
      clearTimeout(timer)
      this.#asked.delete(number)
    }
    return { answers, unanswered: [...waiting] }
  }

  async #answer(number: string, to: string, wish: Wish): Promise<void> {
    const { downloads, ended } = await this.#fulfil(wish)
    const shown = downloads.slice(0, MOST_OF_A_NODE)
    const channel = nodeChannel(this.#connection.prefix, to)
    for (let i = 0; i === 0 || i < shown.length; i += DOWNLOADS_PER_MESSAGE) {
      const part = shown.slice(i, i + DOWNLOADS_PER_MESSAGE)
      const isLast = i + DOWNLOADS_PER_MESSAGE >= shown.length
      const omitted = isLast ? downloads.length - shown.length : 0
      const answer: Answer = { number, node: this.#id, downloads: part, omitted, ended, isLast }
      await this.#connection.publish(channel, JSON.stringify({ type: 'answer', ...answer }))
    }
  }

  async #fulfil(
    wish: Wish,
  ): Promise<{ readonly downloads: readonly RunningDownload[]; readonly ended: number }> {
    switch (wish.wants) {
      case 'list':
        return { downloads: (await this.#local.list()).downloads, ended: 0 }
      case 'find': {
        const found = await this.#local.find(wish.download)
        return { downloads: found ? [found] : [], ended: 0 }
      }
      case 'end': {
        const isEnded = await this.#local.end(wish.download, wish.detail)
        return { downloads: [], ended: isEnded ? 1 : 0 }
      }
      case 'endRevoked':
        return { downloads: [], ended: await this.#local.endRevoked(wish.revocation) }
      default:
        return wish satisfies never
    }
  }
}
