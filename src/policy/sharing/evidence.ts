import type { Picture } from './picture.ts'
import type { NetworkSighting } from '../../base/sightings.ts'

/** Networks that a record names. */
const MAX_NAMED = 8

/** The newest networks, the one that asks last. */
export function networksText({ networks, totals }: Picture): string {
  const named = networks.slice(-MAX_NAMED)
  const text = named.map(networkText).join(', ')
  const others = totals.networks - named.length
  return others > 0 ? `${others} others, ${text}` : text
}

function networkText({ network, country, asn, isRelay }: NetworkSighting): string {
  const facts = [isRelay ? 'relay' : (country ?? 'unknown')]
  if (asn !== undefined) facts.push(`AS${asn}`)
  return `${network} (${facts.join(', ')})`
}

/** Seconds as people say them. */
export function span(seconds: number): string {
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600} h`
  return seconds >= 60 && seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`
}
