import { NOTHING_KNOWN } from '../../src/base/network-facts.ts'
import { RouteTable } from '../../src/http/route.ts'
import { type Key, KeyRing } from '../../src/link/key-ring.ts'
import type { Scheme } from '../../src/link/scheme.ts'
import { SluiceHmac } from '../../src/link/schemes/sluice-hmac.ts'
import { SluiceJwt } from '../../src/link/schemes/sluice-jwt.ts'
import { LinkVerifier } from '../../src/link/verify-link.ts'
import type { LinkDesk } from '../../src/operator/link-desk.ts'
import { FakeClock } from './fake-clock.ts'
import { MemoryOrigin } from './memory-origin.ts'
import { policyOf, secretKey } from './request-parts.ts'

const hmac = new SluiceHmac({ isIgnored: (name) => name.startsWith('utm_') })
const jwt = new SluiceJwt({})

/** The countries that the desk knows, by address. */
const DESK_COUNTRIES: Readonly<Record<string, string>> = { '8.8.8.8': 'US', '5.9.0.1': 'DE' }

export interface TestDesk extends LinkDesk {
  readonly clock: FakeClock
}

/** `/files/` takes both native formats under the policy given, `/jwt/` and `/hmac/` one each. */
export function makeDesk(
  policy: Readonly<Record<string, unknown>> = {},
  keys: readonly Key[] = [secretKey('k1', 1), secretKey('k2', 2, { notBefore: 5 })],
): TestDesk {
  const ring = new KeyRing(keys)
  const route = (
    path: string,
    schemes: Scheme[],
  ): ConstructorParameters<typeof RouteTable>[0][number] => ({
    path,
    originName: 'memory',
    origin: new MemoryOrigin({}),
    verifier: new LinkVerifier(schemes, ring),
    policy: policyOf(policy),
  })
  return {
    clock: new FakeClock(),
    routes: new RouteTable([
      route('/files/', [hmac, jwt]),
      route('/jwt/', [jwt]),
      route('/hmac/', [hmac]),
    ]),
    keys: ring,
    networks: {
      find: (client) => ({ ...NOTHING_KNOWN, country: DESK_COUNTRIES[client.text] }),
      builtAt: () => [],
    },
    publicUrl: 'https://files.example',
    site: { scheme: 'https', host: 'files.example' },
  }
}
