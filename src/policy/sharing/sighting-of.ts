import { clientNetwork } from '../../base/address.ts'
import { deviceOf } from '../../request/device.ts'
import type { RequestContext } from '../../request/request-context.ts'
import type { Policy } from '../policy.ts'
import { isRelay } from '../rules/anonymizers.ts'
import type { NetworkSighting } from '../../base/sightings.ts'

/** The use that a request would be counted as; undefined without an address. */
export function sightingOf(context: RequestContext, policy: Policy): NetworkSighting | undefined {
  const { client, network, headers } = context
  if (!client) return undefined
  return {
    network: clientNetwork(client),
    country: network.country,
    asn: network.asn,
    isRelay: isRelay(client, context, policy),
    device: deviceOf(headers),
  }
}
