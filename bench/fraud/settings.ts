import type { Setting } from './gate.ts'

/** The default policy with anti-fraud on, and data about networks beside the countries: what is recommended. */
export const RECOMMENDED: Setting = { name: 'defaults, ASN data', asn: true, antiFraud: {} }

/** What is compared. */
export const SETTINGS: readonly Setting[] = [
  RECOMMENDED,
  { name: 'no ASN data', asn: false, antiFraud: {} },
  {
    name: 'no heuristics',
    asn: true,
    antiFraud: { sharing: { heuristics: { minSignals: null } } },
  },
]
