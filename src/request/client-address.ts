import { type Address, parseAddress, sameAddress } from '../base/address.ts'
import type { NetworkSet } from '../base/network-set.ts'
import { forwardedParameter } from './forwarded.ts'
import type { RequestHeaders } from './request-headers.ts'

export type ClientAddress =
  | { readonly outcome: 'known'; readonly address: Address }
  | { readonly outcome: 'unknown'; readonly why: string }
  | { readonly outcome: 'conflict'; readonly why: string }

/**
 * The right-most address that no trusted proxy vouches for further. Nothing is believed unless the peer
 * is trusted. A chain with an entry that is no address ends in `unknown`, and rules that need an address
 * then refuse. X-Forwarded-For and Forwarded that disagree are a `conflict`: a proxy that sets one of
 * them passes on what the client wrote into the other.
 */
export function clientAddress(
  peer: Address,
  headers: RequestHeaders,
  trusted: NetworkSet,
): ClientAddress {
  if (!trusted.has(peer)) return { outcome: 'known', address: peer }
  return forwardedAddress(headers, trusted) ?? { outcome: 'known', address: peer }
}

/** The same of a request whose sender is known to be a proxy; undefined when that names nobody. */
export function forwardedAddress(
  { forwardedFor, forwarded }: RequestHeaders,
  trusted: NetworkSet,
): ClientAddress | undefined {
  const byFor = forwardedFor === undefined ? undefined : walk(splitList(forwardedFor), trusted)
  const byForwarded =
    forwarded === undefined ? undefined : walk(forwardedParameter(forwarded, 'for'), trusted)
  if (byFor && byForwarded && !agree(byFor, byForwarded)) {
    return { outcome: 'conflict', why: 'X-Forwarded-For and Forwarded disagree' }
  }
  return byFor ?? byForwarded
}

function agree(x: ClientAddress, y: ClientAddress): boolean {
  return x.outcome === 'known' && y.outcome === 'known' && sameAddress(x.address, y.address)
}

function walk(nodes: readonly (string | undefined)[], trusted: NetworkSet): ClientAddress {
  let last: Address | undefined
  for (let i = nodes.length - 1; i >= 0; i--) {
    const address = parseNode(nodes[i])
    if (!address) return { outcome: 'unknown', why: 'a forwarded entry is no address' }
    last = address
    if (!trusted.has(address)) break
  }
  return last
    ? { outcome: 'known', address: last }
    : { outcome: 'unknown', why: 'the forwarded list is empty' }
}

function splitList(text: string): string[] {
  return text.split(',').map((entry) => entry.trim())
}

/** An address with an optional port, IPv6 then in brackets (RFC 7239 section 6). */
export function parseNode(node: string | undefined): Address | undefined {
  if (!node) return undefined
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(node)
  if (bracketed) return parseAddress(bracketed[1] ?? '')
  const colon = node.indexOf(':')
  if (colon > 0 && node.indexOf(':', colon + 1) < 0 && /^\d{1,5}$/.test(node.slice(colon + 1))) {
    return parseAddress(node.slice(0, colon))
  }
  return parseAddress(node)
}
