import type { Clock } from '../base/clock.ts'
import type { NetworkLookup } from '../geo/network-lookup.ts'
import type { RouteTable } from '../http/route.ts'
import type { Site } from '../request/request-context.ts'
import type { KeyRing } from '../link/key-ring.ts'

/** What minting and inspecting need of the configuration in force. */
export interface LinkDesk {
  readonly clock: Clock
  readonly routes: RouteTable
  readonly keys: KeyRing
  readonly networks: NetworkLookup
  /** What minted links begin with, without a slash at its end. */
  readonly publicUrl: string
  /** The same, as link formats sign it. */
  readonly site: Site
}
