import fc from 'fast-check'
import { parseNetwork } from '../../src/base/address.ts'
import type { AccessRule } from '../../src/link/access-rule.ts'
import type { Constraints } from '../../src/link/constraints.ts'
import { NOW } from '../support/request-parts.ts'

const text = (maxBytes: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    .filter((value) => Buffer.byteLength(value) <= maxBytes && !/[\p{Cc}\u2028\u2029]/u.test(value))
const network = fc
  .oneof(
    fc.ipV4(),
    fc.tuple(fc.ipV4(), fc.nat(32)).map((parts) => parts.join('/')),
    fc.ipV6(),
    fc.tuple(fc.ipV6(), fc.nat(128)).map((parts) => parts.join('/')),
  )
  .map((value) => parseNetwork(value))
  .filter((value) => value !== undefined)
const action = fc.constantFrom('allow' as const, 'block' as const)
const accessRule: fc.Arbitrary<AccessRule> = fc.oneof(
  fc.record({ type: fc.constant('any' as const), action }),
  fc.record({
    type: fc.constant('ip.src' as const),
    action,
    ip: fc.array(network, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({
    type: fc.constant('ip.geoip.country' as const),
    action,
    country: fc.array(fc.constantFrom('DE', 'FR', 'US'), { minLength: 1, maxLength: 3 }),
  }),
)

/** Any set of constraints that a native link may say. */
export const constraintSets: fc.Arbitrary<Constraints> = fc.record(
  {
    jti: fc.string({
      unit: fc.constantFrom(...Array.from('aZ09-_.~!$&+,;=?/%"\'<>[]{}')),
      minLength: 1,
      maxLength: 128,
    }),
    iat: fc.nat(NOW),
    nbf: fc.nat(),
    ip: fc.array(network, { minLength: 1, maxLength: 8 }),
    max_parallel_downloads: fc.integer({ min: 1, max: 1000 }),
    anti_fraud: fc.boolean(),
    streaming: fc.boolean(),
    filename: text(255).filter((value) => !/[/\\]/.test(value) && value !== '.' && value !== '..'),
    autograph_tag: text(64),
    multi_use: fc.boolean(),
    rate: fc.integer({ min: 1, max: 1e12 }),
    accessRules: fc.array(accessRule, { minLength: 1, maxLength: 5 }),
    subject: text(255),
  },
  { requiredKeys: [] },
)
