import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/failure.ts'
import { type AddressSet, NetworkSet, unionOf } from '../base/network-set.ts'
import { Turns } from '../base/turns.ts'
import { whySuspicious } from './guard.ts'
import type { ListConfig } from './list-config.ts'
import type { ListProblem, ParsedList } from './list-draft.ts'
import type { ListContent, ListSource } from './list-source.ts'
import { parseInWorker } from './parse-in-worker.ts'

/** After a failure the next try comes after a minute, then after two, and so on up to the interval. */
const RETRY_SECONDS = 60
/** Gateways that started together shall not ask together. */
const JITTER = 0.1
/** The longest time that a timer of Node holds. */
const MAX_TIMER_MS = 2 ** 31 - 1

export interface SourcedListOptions {
  readonly name: string
  readonly config: ListConfig
  readonly source: ListSource
  /** Entries that operators added: part of the list whatever its source says. */
  readonly added: AddressSet
  readonly clock: Clock
  readonly warn: (message: string) => void
  /** Hears that fresh content is in force, and kept where its source keeps it. */
  readonly onTaken?: () => void
}

/** Content that may come into force, perhaps what is in force already, or what keeps it out. */
export type Look =
  | { readonly outcome: 'sound'; readonly take: () => Promise<void> }
  | {
      readonly outcome: 'refused'
      readonly why: string
      /** In the content itself. */
      readonly problems: readonly ListProblem[]
    }

/**
 * A list that comes from a file or a URL, looked at again at its interval. Whatever goes wrong, the last good
 * content stays in force; a change of content is one assignment.
 */
export class SourcedList {
  readonly #options: SourcedListOptions
  #config: ListConfig
  #set: AddressSet | undefined
  #entries = 0
  #refreshedAt: number | undefined
  #error: string | undefined
  #failures = 0
  /** A slow answer never overtakes a younger one. */
  readonly #turns = new Turns()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: SourcedListOptions) {
    this.#options = options
    this.#config = options.config
  }

  /** Undefined as long as no content was ever good. */
  get set(): AddressSet | undefined {
    return this.#set
  }

  /** Those of the source. */
  get entries(): number {
    return this.#entries
  }

  /** When the content in force was last known to be current. */
  get refreshedAt(): number | undefined {
    return this.#refreshedAt
  }

  /** Why the last look failed. */
  get error(): string | undefined {
    return this.#error
  }

  /** Begins with what an earlier process kept; without that it waits for the first answer, at most so long. */
  async begin(patienceMs: number): Promise<void> {
    const { source } = this.#options
    const kept = await source.restore()
    if (kept) {
      // what cannot be parsed is as good as no copy
      const parsed = await parse(kept, this.#config).catch(() => undefined)
      if (parsed?.problems.length === 0) await this.#take(kept, parsed, kept.refreshedAt)
    }
    const refreshed = this.refresh()
    if (this.#set) return
    const patience = new AbortController()
    await Promise.race([
      refreshed,
      delay(patienceMs, undefined, { signal: patience.signal }).catch(() => undefined),
    ])
    patience.abort()
  }

  /** Takes settings that do not change where the content comes from, and waits for the next interval. */
  continueWith(config: ListConfig): void {
    const isSooner = config.refreshSeconds !== this.#config.refreshSeconds
    this.#config = config
    if (isSooner || this.#timer === undefined) this.#schedule()
  }

  /** Looks at the source and puts sound content in force. Never rejects. */
  refresh(): Promise<void> {
    return this.#turns.take(async () => {
      const look = await this.#look(true)
      if (this.#isClosed) return
      if (look.outcome === 'sound') await look.take()
      else this.#fail(look.why)
      this.#schedule()
    })
  }

  /** What the source holds now, for an operator who asks: shrinking and growing are meant then. */
  look(): Promise<Look> {
    return this.#turns.take(() => this.#look(false))
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#options.source.close()
  }

  async #look(isGuarded: boolean): Promise<Look> {
    try {
      const reading = await this.#options.source.read(this.#options.clock.now())
      if (reading.outcome === 'unchanged') {
        return { outcome: 'sound', take: () => Promise.resolve(this.#confirm(reading.at)) }
      }
      if (reading.outcome === 'failed')
        return { outcome: 'refused', why: reading.why, problems: [] }
      const { content } = reading
      const parsed = await parse(content, this.#config)
      const why = whyBroken(parsed) ?? (isGuarded ? this.#whySuspicious(parsed) : undefined)
      if (why !== undefined) return { outcome: 'refused', why, problems: parsed.problems }
      const take = (): Promise<void> => this.#take(content, parsed, this.#options.clock.now())
      return { outcome: 'sound', take }
    } catch (error) {
      return { outcome: 'refused', why: messageOf(error), problems: [] }
    }
  }

  async #take(content: ListContent, parsed: ParsedList, now: number): Promise<void> {
    const { added } = this.#options
    this.#set = unionOf(new NetworkSet(parsed.networks), added)
    this.#entries = parsed.entries
    this.#refreshedAt = now
    this.#recover()
    await content.accepted(now)
    this.#options.onTaken?.()
  }

  #whySuspicious({ entries }: ParsedList): string | undefined {
    return this.#set ? whySuspicious(this.#entries, entries, this.#config) : undefined
  }

  #confirm(at: number): void {
    this.#refreshedAt = at
    this.#recover()
  }

  #recover(): void {
    this.#error = undefined
    this.#failures = 0
  }

  #fail(why: string): void {
    const { name, warn } = this.#options
    this.#failures++
    if (why !== this.#error) {
      warn(this.#set ? `list ${name} stays as it was: ${why}` : `list ${name} has no data: ${why}`)
    }
    this.#error = why
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    const { refreshSeconds } = this.#config
    const seconds =
      this.#failures === 0
        ? refreshSeconds
        : Math.min(refreshSeconds, RETRY_SECONDS * 2 ** (this.#failures - 1))
    const milliseconds = Math.min(seconds * 1000 * (1 + JITTER * Math.random()), MAX_TIMER_MS)
    this.#timer = setTimeout(() => void this.refresh(), milliseconds).unref()
  }
}

function parse({ bytes }: ListContent, { format }: ListConfig): Promise<ParsedList> {
  return parseInWorker(bytes, format)
}

function whyBroken({ problems }: ParsedList): string | undefined {
  const [first] = problems
  return first && `line ${first.line}, column ${first.column}: ${first.message}`
}
