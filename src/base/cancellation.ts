/** Says when nobody wants an answer any more. An `AbortSignal` is one. */
export interface Cancellation {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/**
 * A cancellation that costs nothing as long as it does not happen: one `AbortController` a request, with
 * its events, takes as long as the parsing of a response head.
 */
export class LightCancellation implements Cancellation {
  aborted = false
  #listeners: (() => void)[] = []

  /** Each listener is called once, and none twice. */
  abort(): void {
    if (this.aborted) return
    this.aborted = true
    for (let next = this.#listeners.shift(); next; next = this.#listeners.shift()) next()
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.push(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    const at = this.#listeners.lastIndexOf(listener)
    if (at >= 0) this.#listeners.splice(at, 1)
  }
}
