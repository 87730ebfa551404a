import type { RecordKind } from './mmdb.ts'

/** The largest AS number (RFC 6793). */
const MAX_ASN = 0xffff_ffff

/** Autonomous system numbers by network. */
export const AS_NUMBERS: RecordKind<number> = {
  read: asnOf,
  where: 'ipv4',
  missing: 'names no AS number for any IPv4 network',
}

/** Both shapes of a record: the number that MaxMind, DB-IP and ip-location-db write, and IPinfo's `AS64500`. */
function asnOf(record: unknown): number | undefined {
  if (typeof record !== 'object' || record === null) return undefined
  const { autonomous_system_number, asn } = record as {
    readonly autonomous_system_number?: unknown
    readonly asn?: unknown
  }
  const number = autonomous_system_number ?? numberOf(asn)
  // AS 0 marks networks that nobody announces (RFC 7607)
  return typeof number === 'number' && Number.isInteger(number) && number > 0 && number <= MAX_ASN
    ? number
    : undefined
}

function numberOf(asn: unknown): number | undefined {
  return typeof asn === 'string' && /^AS\d{1,10}$/.test(asn) ? Number(asn.slice(2)) : undefined
}
