/** Random access to the bytes of a file, wherever it lies. */
export interface ByteReader {
  readonly size: number
  /** The bytes from `start` up to `end`, both within the file. */
  read(start: number, end: number): Promise<Buffer>
}

/** What a tag changes: bytes in place, and bytes behind the end. */
export interface TagEdit {
  readonly suffix: Buffer
  readonly patches: readonly Patch[]
}

/** Bytes that stand in place of as many others. */
export interface Patch {
  readonly offset: number
  readonly bytes: Buffer
}

/** Why a file cannot carry a tag, for operators. */
export interface Unfit {
  readonly why: string
}

/** A place for tags in one file. It holds no bytes of the file and serves any tag. */
export interface Placement {
  edit(sealed: Buffer): TagEdit | Unfit
}

/** A file format that has room for a tag which its readers pass over. */
export interface TagCarrier {
  readonly mediaTypes: readonly string[]
  /** Reads as much of the structure as tells where a tag goes. */
  survey(file: ByteReader): Promise<Placement | Unfit>
  /** The sealed tag of a file, the last one where there are several. */
  find(file: ByteReader): Promise<string | undefined>
}
