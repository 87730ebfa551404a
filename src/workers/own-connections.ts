import { NO_SIGHTINGS } from '../base/sightings.ts'
import { keyText } from '../state/download-ledger.ts'
import type { LinkQuestion, LinkSession, Place } from '../state/link-state.ts'

/** The connections of downloads by links without limits, as this process alone counts them. */
export class OwnConnections {
  readonly #open = new Map<string, number>()
  #held = 0

  get held(): number {
    return this.#held
  }

  open({ place, download }: LinkQuestion): LinkSession {
    if (!place) return new OwnSession(NO_PLACE, NOTHING)
    const { maxConnections } = place
    const text = keyText(download)
    const open = this.#open.get(text) ?? 0
    if (open >= maxConnections) {
      return new OwnSession(
        { outcome: 'refused', by: 'connections', limit: maxConnections },
        NOTHING,
      )
    }
    this.#open.set(text, open + 1)
    this.#held++
    return new OwnSession(HELD, () => {
      this.#held--
      const left = (this.#open.get(text) ?? 0) - 1
      if (left > 0) this.#open.set(text, left)
      else this.#open.delete(text)
    })
  }
}

const NO_PLACE: Place = { outcome: 'none' }
const HELD: Place = { outcome: 'held' }
const NOTHING = (): void => undefined

/** Of a link of which nothing is asked nothing is known. */
class OwnSession implements LinkSession {
  readonly place: Place
  readonly known = undefined
  readonly spent = 0
  readonly reserved = 0
  readonly firstAddress = undefined
  #onRelease: () => void

  constructor(place: Place, onRelease: () => void) {
    this.place = place
    this.#onRelease = onRelease
  }

  sightings(): typeof NO_SIGHTINGS {
    return NO_SIGHTINGS
  }

  release(): void {
    const release = this.#onRelease
    this.#onRelease = NOTHING
    release()
  }
}
