import { z } from 'zod'
import { choice, givenName, ownEnforcement, positiveInteger } from './fields.ts'

const MAX_SHARING_WINDOW = 31_536_000
/** Beyond the numbers that are counted one by one, an estimate is compared. */
const MAX_COUNTED = 100_000

const limit = z.int().positive().max(MAX_COUNTED).nullable()

const limits = {
  maxNetworks: limit.describe(
    'Networks (IPv4 /24, IPv6 /64; those of one AS count as one) in the window; null is no limit.',
  ),
  maxAsns: limit.describe('AS numbers in the window (geo.asn); null is no limit.'),
  maxCountries: limit.describe('Countries in the window; null is no limit.'),
  maxDevices: limit.describe('Device signatures in the window; null is no limit.'),
}

const heuristics = z.strictObject({
  minSignals: z
    .int()
    .min(2)
    .max(6)
    .nullable()
    .default(2)
    .describe('So many signals together count as sharing; null: they never do.'),
  networks: positiveInteger
    .max(MAX_COUNTED)
    .default(16)
    .describe('Networks, each counted, from which they are a signal.'),
  asns: positiveInteger
    .max(MAX_COUNTED)
    .default(6)
    .describe('AS numbers from which they are a signal.'),
  devices: positiveInteger
    .max(MAX_COUNTED)
    .default(8)
    .describe('Device signatures from which they are a signal.'),
  speed: z
    .number()
    .positive()
    .default(1000)
    .describe('Kilometres an hour between countries from which a journey is a signal.'),
})

const sharing = z.strictObject({
  windowSeconds: z
    .int()
    .positive()
    .max(MAX_SHARING_WINDOW)
    .default(86_400)
    .describe('Seconds for which a network that downloaded is remembered.'),
  maxNetworks: limits.maxNetworks.default(3),
  maxAsns: limits.maxAsns.default(null),
  maxCountries: limits.maxCountries.default(2),
  maxDevices: limits.maxDevices.default(null),
  subject: z
    .strictObject({
      maxNetworks: limits.maxNetworks.default(null),
      maxAsns: limits.maxAsns.default(null),
      maxCountries: limits.maxCountries.default(null),
      maxDevices: limits.maxDevices.default(null),
    })
    .prefault({})
    .describe('The same limits for all links of one subject together.'),
  heuristics: heuristics
    .prefault({})
    .describe('Signs of sharing that count when several come together.'),
  action: choice(['observe', 'deny', 'slow', 'revoke'])
    .default('deny')
    .describe('What happens to who comes in addition; revoke withdraws the link as well.'),
  slowBytesPerSecond: positiveInteger
    .default(65_536)
    .describe('Bytes a second of who comes in addition, where the action is slow.'),
})

const action = choice(['allow', 'observe', 'deny'])

const anonymizers = z.strictObject({
  tor: action.default('deny').describe('Exits of the Tor network.'),
  vpn: action.default('deny').describe('Commercial VPNs.'),
  publicProxy: action.default('deny').describe('Proxies that are open to anyone.'),
  residentialProxy: action.default('deny').describe('Proxies behind the lines of households.'),
  hosting: action.default('observe').describe('Data centres and clouds.'),
  relay: action
    .default('allow')
    .describe('Relays as iCloud Private Relay; allow lets them pass whatever else they are.'),
})

/** The section `antiFraud` of a policy: binding where the link or the policy turns anti-fraud on. */
export const antiFraudSchema = z
  .strictObject({
    default: z
      .boolean()
      .default(false)
      .describe('Whether anti-fraud is on when the link does not say.'),
    lists: z
      .array(givenName)
      .default([])
      .describe('Lists whose addresses are refused where anti-fraud is on.'),
    anonymizers: anonymizers
      .prefault({})
      .describe('What happens to clients behind anonymizers where anti-fraud is on.'),
    sharing: sharing.prefault({}).describe('How many may share a link where anti-fraud is on.'),
    ...ownEnforcement,
  })
  .prefault({})
  .describe('Anonymizers and shared links.')
