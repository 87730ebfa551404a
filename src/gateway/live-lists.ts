import type { Clock } from '../base/clock.ts'
import { NetworkSet } from '../base/network-set.ts'
import { loadNetset } from '../config/load-lists.ts'
import { formatProblem } from '../config/problem.ts'
import type { ListConfig } from '../config/schema.ts'

interface LiveList {
  set: NetworkSet
  /** Milliseconds since the epoch. */
  readAt: number
  readonly timer: NodeJS.Timeout
}

const NONE = new NetworkSet([])

/** The lists in force. Each file is read again at its interval; a broken one leaves the last good in force. */
export class LiveLists {
  readonly #lists = new Map<string, LiveList>()
  readonly #clock: Clock

  constructor(
    configs: Readonly<Record<string, ListConfig>>,
    loaded: ReadonlyMap<string, NetworkSet>,
    clock: Clock,
    warn: (message: string) => void,
  ) {
    this.#clock = clock
    for (const [name, { file, refreshSeconds }] of Object.entries(configs)) {
      const timer = setInterval(() => {
        this.#refresh(name, file, warn)
      }, refreshSeconds * 1000)
      timer.unref()
      this.#lists.set(name, { set: loaded.get(name) ?? NONE, readAt: clock.now(), timer })
    }
  }

  /** The set in force. A list that no file ever gave holds nobody; the config check refuses such a start. */
  get(name: string): NetworkSet {
    return this.#lists.get(name)?.set ?? NONE
  }

  *ages(): Generator<readonly [name: string, seconds: number]> {
    for (const [name, list] of this.#lists) yield [name, (this.#clock.now() - list.readAt) / 1000]
  }

  close(): void {
    for (const { timer } of this.#lists.values()) clearInterval(timer)
  }

  #refresh(name: string, file: string, warn: (message: string) => void): void {
    const list = this.#lists.get(name)
    const read = loadNetset(file, `lists.${name}`)
    if ('unreadable' in read) warn(`list ${name} stays as it was: ${file} cannot be read`)
    else if (read.problems.length > 0) {
      const first = read.problems[0]
      warn(`list ${name} stays as it was: ${first ? formatProblem(first) : file}`)
    } else if (list) {
      list.set = read.set
      list.readAt = this.#clock.now()
    }
  }
}
