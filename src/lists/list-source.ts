/** Content that a source gave. */
export interface ListContent {
  readonly bytes: Uint8Array
  /** Hears that the content is in force: the source need not give it again. Never rejects. */
  accepted(now: number): Promise<void>
}

export type ListReading =
  /** Still what was accepted, as was known at that time. */
  | { readonly outcome: 'unchanged'; readonly at: number }
  | { readonly outcome: 'read'; readonly content: ListContent }
  | { readonly outcome: 'failed'; readonly why: string }

/** What an earlier process accepted last, and when it was last known to be current. */
export interface RestoredContent extends ListContent {
  readonly refreshedAt: number
}

/** Where the content of a list comes from. */
export interface ListSource {
  /** The content, unless it is what was accepted last. Never rejects. */
  read(now: number): Promise<ListReading>
  restore(): Promise<RestoredContent | undefined>
  close(): void
}
