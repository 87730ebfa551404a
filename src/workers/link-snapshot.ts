import { type Address, parseAddress } from '../base/address.ts'
import { ByteIntervals } from '../base/intervals.ts'
import { NO_SIGHTINGS, type Sightings } from '../base/sightings.ts'
import type { KnownDownload } from '../state/download-ledger.ts'
import type { LinkQuestion, LinkSession } from '../state/link-state.ts'

/** What is known of a link at one moment, as far as a question asks for it. */
export interface LinkSnapshot {
  readonly known:
    (Omit<KnownDownload, 'intervals'> & { readonly edges: readonly number[] }) | undefined
  readonly spent: number
  readonly reserved: number
  readonly firstAddress: string | undefined
  readonly sightings: Readonly<Record<string, Sightings>>
}

/** Looks up what the question asks; what it does not ask for costs nothing. */
export function snapshotOf(session: LinkSession, question: LinkQuestion): LinkSnapshot {
  const { uses, wantsDownload, wantsFirstAddress, sightings } = question
  const known = uses || wantsDownload ? session.known : undefined
  return {
    known: known && {
      etag: known.etag,
      size: known.size,
      startedAt: known.startedAt,
      used: known.used,
      edges: [...known.intervals.edges],
    },
    spent: uses ? session.spent : 0,
    reserved: uses ? session.reserved : 0,
    firstAddress: wantsFirstAddress ? session.firstAddress?.text : undefined,
    sightings: Object.fromEntries(sightings.map(({ key }) => [key, session.sightings(key)])),
  }
}

/** Whether a verdict on one is one on the other. Bytes that are counted meanwhile change none. */
export function isSame(a: LinkSnapshot, b: LinkSnapshot): boolean {
  return textOf(a) === textOf(b)
}

function textOf({ known, ...rest }: LinkSnapshot): string {
  return JSON.stringify([rest, known && [known.etag, known.size, known.startedAt, known.used]])
}

/** The parts of a session that a snapshot answers. */
export class SnapshotReader {
  #snapshot: LinkSnapshot
  #known: KnownDownload | undefined
  #firstAddress: Address | undefined

  constructor(snapshot: LinkSnapshot) {
    this.#snapshot = snapshot
    this.learn(snapshot)
  }

  get snapshot(): LinkSnapshot {
    return this.#snapshot
  }

  learn(snapshot: LinkSnapshot): void {
    const { known, firstAddress } = snapshot
    this.#snapshot = snapshot
    this.#known = known && { ...known, intervals: new ByteIntervals(known.edges) }
    this.#firstAddress = firstAddress === undefined ? undefined : parseAddress(firstAddress)
  }

  /** As it will be once this address is the first, if none is. */
  pin(address: Address): void {
    if (this.#firstAddress) return
    this.learn({ ...this.#snapshot, firstAddress: address.text })
  }

  get known(): KnownDownload | undefined {
    return this.#known
  }

  get firstAddress(): Address | undefined {
    return this.#firstAddress
  }

  sightings(key: string): Sightings {
    return this.#snapshot.sightings[key] ?? NO_SIGHTINGS
  }
}
