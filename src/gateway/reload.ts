import { messageOf } from '../base/failure.ts'
import { Turns } from '../base/turns.ts'
import type { ConfigSources } from '../config/load.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { LiveLists } from '../lists/live-lists.ts'
import type { Crew } from '../workers/crew.ts'
import { fixedAtStart } from './fixed-settings.ts'
import type { LiveRuntime } from './live-runtime.ts'
import { type LoadedWithLists, loadWithLists } from './load-or-throw.ts'

export interface ReloadParts {
  readonly sources: ConfigSources
  readonly lists: LiveLists
  readonly live: LiveRuntime
  readonly crew: () => Crew | undefined
  readonly isDraining: () => boolean
  /** Hears of a configuration that is in force. */
  readonly onTaken: (config: GatewayConfig) => void
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void
}

/**
 * Loads all files again, here and in every worker, one reload after the other. With a problem in them,
 * wherever it shows, the running configuration stays everywhere.
 */
export class Reload {
  readonly #parts: ReloadParts
  readonly #turns = new Turns()
  readonly #first: GatewayConfig

  constructor(parts: ReloadParts) {
    this.#parts = parts
    this.#first = parts.live.loaded.config
  }

  /** `again` fetches published lists, too. Gives whether the files are in force; the log has the problems. */
  readonly run = (how = { again: false }): Promise<boolean> =>
    this.#turns.take(async () => {
      const { crew, live, onTaken, log } = this.#parts
      try {
        const next = await this.#prepare(how.again)
        if (!next) return false
        const { config, digest } = live.take(next)
        await crew()?.everywhere('use', { digest })
        onTaken(config)
        for (const key of fixedAtStart(this.#first, config)) {
          log('warn', `${key} was changed; it takes a restart`)
        }
        log('info', `configuration ${digest} is in force`)
        return true
      } catch (error) {
        crew()?.tellAll('discard', undefined)
        log('error', `the running configuration stays:\n${messageOf(error)}`)
        return false
      }
    })

  /** Undefined when the gateway ends meanwhile. */
  async #prepare(again: boolean): Promise<LoadedWithLists | undefined> {
    const { sources, lists, crew, isDraining } = this.#parts
    const next = await loadWithLists(sources, lists, { again })
    try {
      if (!isDraining()) {
        await crew()?.prepare(again, next.loaded.digest)
        return next
      }
    } catch (error) {
      next.prepared.discard()
      throw error
    }
    next.prepared.discard()
    return undefined
  }
}
