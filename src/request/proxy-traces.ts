import type { Address } from '../base/address.ts'
import type { NetworkSet } from '../base/network-set.ts'
import { parseNode } from './client-address.ts'
import { forwardedParameter } from './forwarded.ts'
import { headerValue, type RequestHeaders } from './request-headers.ts'

/**
 * Whether the client says that it asks for somebody else: by Via, X-Forwarded-For or Forwarded of a peer
 * that is not trusted, or by entries that stand left of the client in those of trusted proxies.
 */
export function isBehindProxy(
  peer: Address,
  client: Address,
  headers: RequestHeaders,
  trusted: NetworkSet,
): boolean {
  const { forwardedFor, forwarded } = headers
  if (!trusted.has(peer)) {
    const via = forwardedFor ?? forwarded ?? headerValue(headers, 'via')
    return via !== undefined
  }
  return isNamedBehind(client, headers)
}

/** Whether forwarding fields name somebody behind the client, who is the last that a trusted proxy names. */
export function isNamedBehind(
  client: Address,
  { forwardedFor, forwarded }: RequestHeaders,
): boolean {
  return (
    (forwardedFor !== undefined && hasMore(forwardedFor.split(','), client)) ||
    (forwarded !== undefined && hasMore(forwardedParameter(forwarded, 'for'), client))
  )
}

/** The client is the right-most entry that no trusted proxy vouches for further. */
function hasMore(entries: readonly (string | undefined)[], client: Address): boolean {
  const at = entries.findLastIndex((entry) => parseNode(entry?.trim())?.text === client.text)
  return at > 0
}
