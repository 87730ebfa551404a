/** A process that sends under shared rates. Its promise resolves when it keeps to the share. */
export interface FlowMember {
  share(argument: { readonly key: string; readonly share: number }): Promise<void>
}

interface Part {
  holders: number
  /** The strictest rate that its connections came with. */
  bytesPerSecond: number
  /** What it may send; 0 until it was told. */
  share: number
}

interface Flow {
  readonly key: string
  readonly parts: Map<FlowMember, Part>
  /** The division in force; one that is overtaken gives nobody more. */
  version: number
}

/**
 * Divides each rate among the processes that send under it, by their connections. Who gets less is told
 * first, and the others get more when it knows: the sum is never above the rate.
 */
export class DividedFlows {
  readonly #flows = new Map<string, Flow>()

  hold(member: FlowMember, key: string, bytesPerSecond: number, holders: number): void {
    let flow = this.#flows.get(key)
    if (!flow) this.#flows.set(key, (flow = { key, parts: new Map(), version: 0 }))
    const share = flow.parts.get(member)?.share ?? 0
    if (holders === 0) flow.parts.delete(member)
    else flow.parts.set(member, { holders, bytesPerSecond, share })
    this.#divideOrForget(flow)
  }

  /** The process is gone. */
  remove(member: FlowMember): void {
    for (const flow of this.#flows.values()) {
      if (flow.parts.delete(member)) this.#divideOrForget(flow)
    }
  }

  #divideOrForget(flow: Flow): void {
    if (flow.parts.size === 0) this.#flows.delete(flow.key)
    else void this.#divide(flow)
  }

  async #divide(flow: Flow): Promise<void> {
    const version = ++flow.version
    const { key, parts } = flow
    let holders = 0
    let rate = Infinity
    for (const part of parts.values()) {
      holders += part.holders
      rate = Math.min(rate, part.bytesPerSecond)
    }
    const wanted = [...parts].map(([member, part]) => {
      return { member, part, share: (rate * part.holders) / holders }
    })
    const tell = ({ member, part, share }: (typeof wanted)[number]): Promise<void> => {
      part.share = share
      // one that is gone sends nothing any more
      return member.share({ key, share }).catch(() => undefined)
    }
    await Promise.all(wanted.filter(({ part, share }) => share < part.share).map(tell))
    if (flow.version !== version) return
    await Promise.all(wanted.filter(({ part, share }) => share > part.share).map(tell))
  }
}
