import { readFileSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { stampOf } from '../base/file-stamp.ts'
import type { Anonymizer } from '../base/network-facts.ts'
import { ANONYMIZED } from './anonymous-database.ts'
import { AS_NUMBERS } from './asn-database.ts'
import { COUNTRIES } from './country-database.ts'
import { type MmdbDatabase, type Opened, openMmdb, type RecordKind } from './mmdb.ts'
import type { NetworkDataName } from './network-lookup.ts'

/** What each set of data says of a network. */
export interface NetworkDataFacts {
  readonly country: string
  readonly asn: number
  readonly anonymous: readonly Anonymizer[]
}

type Kinds = { readonly [Name in NetworkDataName]: RecordKind<NetworkDataFacts[Name]> }

const KINDS: Kinds = { country: COUNTRIES, asn: AS_NUMBERS, anonymous: ANONYMIZED }

interface ReadFile {
  readonly stamp: string
  readonly database: WeakRef<MmdbDatabase<unknown>>
}

/** What was read last of each file, while someone uses it: a reload reads nothing that did not change. */
const inUse = new Map<string, ReadFile>()

/** Opens the file of a set of data, or finds it open. */
export function openNetworkFile<Name extends NetworkDataName>(
  name: Name,
  file: string,
): Opened<NetworkDataFacts[Name]> {
  try {
    const stamp = stampOf(statSync(file, { bigint: true }))
    const known = knownAt(name, file, stamp)
    return known ? { database: known } : remember(name, file, stamp, readFileSync(file))
  } catch (cause) {
    return { unusable: 'cannot be read', cause }
  }
}

/** A file that changes while it is read is neither good nor broken yet. */
export type Reread<Name extends NetworkDataName> =
  Opened<NetworkDataFacts[Name]> | { readonly changing: true }

/** The same without holding up anything else. */
export async function rereadNetworkFile<Name extends NetworkDataName>(
  name: Name,
  path: string,
): Promise<Reread<Name>> {
  try {
    await using file = await open(path)
    const stamp = stampOf(await file.stat({ bigint: true }))
    const known = knownAt(name, path, stamp)
    if (known) return { database: known }
    const bytes = await file.readFile()
    if (stampOf(await file.stat({ bigint: true })) !== stamp) return { changing: true }
    return remember(name, path, stamp, bytes)
  } catch (cause) {
    return { unusable: 'cannot be read', cause }
  }
}

function knownAt<Name extends NetworkDataName>(
  name: Name,
  file: string,
  stamp: string,
): MmdbDatabase<NetworkDataFacts[Name]> | undefined {
  const known = inUse.get(`${name} ${file}`)
  if (known?.stamp !== stamp) return undefined
  return known.database.deref() as MmdbDatabase<NetworkDataFacts[Name]> | undefined
}

function remember<Name extends NetworkDataName>(
  name: Name,
  file: string,
  stamp: string,
  bytes: Buffer,
): Opened<NetworkDataFacts[Name]> {
  const opened = openMmdb(bytes, KINDS[name] as RecordKind<NetworkDataFacts[Name]>)
  if ('database' in opened) {
    inUse.set(`${name} ${file}`, { stamp, database: new WeakRef(opened.database) })
  }
  return opened
}
