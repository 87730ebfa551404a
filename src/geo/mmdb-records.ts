import type { Reader, Response } from 'maxmind'
import { addressFromInteger } from '../base/address.ts'

/** Records that are looked at before a database counts as one of another kind. */
const PROBED_RECORDS = 10_000
/** Empty places that are passed on the way; a tree that holds anything has at most 128 before each record. */
const PROBED_PLACES = 200_000

/**
 * Whether a record among the first ones fits. Networks are visited in the order of their addresses,
 * each in one step however large, so that a database of few networks is as quick as a full one. In a
 * tree for IPv6 the IPv4 networks come first (`::/96`).
 */
export function someRecord(
  reader: Reader<Response>,
  where: 'ipv4' | 'anywhere',
  fits: (record: unknown) => boolean,
): boolean {
  const width = where === 'ipv4' || reader.metadata.ipVersion === 4 ? 32 : 128
  const end = 1n << BigInt(width)
  let next = 0n
  let records = 0
  for (let places = 0; places < PROBED_PLACES && next < end; places++) {
    const text = width === 32 ? addressFromInteger(Number(next)).text : groupsOf(next)
    const [record, prefix] = reader.getWithPrefixLength(text)
    if (record !== null) {
      if (fits(record)) return true
      if (++records === PROBED_RECORDS) return false
    }
    next += 1n << BigInt(width - prefix)
  }
  return false
}

/** In full: the short text of a mapped address would be read as IPv4. */
function groupsOf(value: bigint): string {
  return (value.toString(16).padStart(32, '0').match(/.{4}/g) ?? []).join(':')
}
