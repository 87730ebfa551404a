import { LRUCache } from 'lru-cache'
import { Reader, type Response } from 'maxmind'
import type { Address } from '../base/address.ts'
import { someRecord } from './mmdb-records.ts'

/** Records that stay decoded: what many addresses share. */
const DECODED_RECORDS = 1000
/** Zero bytes between the search tree and the data (MaxMind DB 2.0, "Data Section Separator"). */
const SEPARATOR_BYTES = 16

/** How one kind of database is read. */
export interface RecordKind<T> {
  /** What a record says; undefined when it says nothing of this kind. */
  readonly read: (record: unknown) => T | undefined
  /** Where a database of this kind must say something. */
  readonly where: 'ipv4' | 'anywhere'
  /** Why a database that says nothing there is refused. */
  readonly missing: string
}

/** A database in memory, or why it cannot be used. */
export type Opened<T> =
  { readonly database: MmdbDatabase<T> } | { readonly unusable: string; readonly cause?: unknown }

/** One fact by network, from an mmdb database in memory. */
export class MmdbDatabase<T> {
  readonly #reader: Reader<Response>
  readonly #read: RecordKind<T>['read']

  constructor(reader: Reader<Response>, read: RecordKind<T>['read']) {
    this.#reader = reader
    this.#read = read
  }

  get builtAt(): Date {
    return this.#reader.metadata.buildEpoch
  }

  find(address: Address): T | undefined {
    // the reader would take the first 32 bits of an IPv6 address for an IPv4 one
    if (address.family === 6 && this.#reader.metadata.ipVersion === 4) return undefined
    try {
      return this.#read(this.#reader.get(address.text))
    } catch {
      // one damaged record says nothing of its network, and must not end every request from there
      return undefined
    }
  }
}

/** Makes sure that a database is whole and of its kind. */
export function openMmdb<T>(bytes: Buffer, kind: RecordKind<T>): Opened<T> {
  try {
    const reader = new Reader<Response>(bytes, {
      cache: new LRUCache<number, object>({ max: DECODED_RECORDS }),
    })
    const wrong = whyBroken(bytes, reader)
    if (wrong !== undefined) return { unusable: wrong }
    const says = (record: unknown): boolean => kind.read(record) !== undefined
    if (!someRecord(reader, kind.where, says)) return { unusable: kind.missing }
    return { database: new MmdbDatabase(reader, kind.read) }
  } catch {
    return { unusable: 'is no mmdb database, or a broken one' }
  }
}

function whyBroken(bytes: Buffer, { metadata }: Reader<Response>): string | undefined {
  const { binaryFormatMajorVersion, searchTreeSize, ipVersion } = metadata
  if (binaryFormatMajorVersion !== 2) return 'is not of version 2 of the mmdb format'
  if (ipVersion !== 4 && ipVersion !== 6) return 'is neither for IPv4 nor for IPv6'
  const separator = bytes.subarray(searchTreeSize, searchTreeSize + SEPARATOR_BYTES)
  if (separator.length < SEPARATOR_BYTES || separator.some((byte) => byte !== 0)) {
    return 'is damaged: its tree does not end where it should'
  }
  return undefined
}
