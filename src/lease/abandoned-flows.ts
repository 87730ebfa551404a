/** After this an empty bucket holds more than a new one does. */
const KEPT_MS = 1000

/**
 * Flows that nobody sends under just now. Who comes back finds the bucket as it was left: a new one for
 * each of many short downloads, one after the other, would be no limit at all.
 */
export class AbandonedFlows<Flow> {
  readonly #kept = new Map<string, { readonly flow: Flow; readonly timer: NodeJS.Timeout }>()

  put(key: string, flow: Flow): void {
    const timer = setTimeout(() => {
      this.#kept.delete(key)
    }, KEPT_MS)
    timer.unref()
    this.#kept.set(key, { flow, timer })
  }

  take(key: string): Flow | undefined {
    const kept = this.#kept.get(key)
    if (!kept) return undefined
    clearTimeout(kept.timer)
    this.#kept.delete(key)
    return kept.flow
  }
}
