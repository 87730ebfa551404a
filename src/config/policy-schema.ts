import { z } from 'zod'
import { parseConfiguredNetwork } from '../base/configured-network.ts'
import { antiFraudSchema } from './anti-fraud-schema.ts'
import { choice, enforcement, givenName, ownEnforcement, positiveInteger } from './fields.ts'

const seconds = z.int().min(0)

const methods = z
  .array(choice(['GET', 'HEAD']))
  .refine((list) => list.includes('GET'), { error: 'must contain GET' })
  .refine((list) => new Set(list).size === list.length, { error: 'names a method twice' })

const networkEntry = z
  .string()
  .refine(
    (entry) => parseConfiguredNetwork(entry) !== undefined || givenName.safeParse(entry).success,
    {
      error: 'expected an address, a CIDR or the name of a list',
    },
  )

/** Names that look like a code and are none: who writes UK means GB, and would block nobody. */
const countryNames = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' })

const country = z.string().superRefine((code, context) => {
  const wrong = whyNotCountry(code)
  if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
})

function whyNotCountry(code: string): string | undefined {
  const wanted = 'expected an ISO 3166-1 alpha-2 country code in capitals, as DE'
  if (!/^[A-Z]{2}$/.test(code) || code === 'ZZ') return wanted
  if (countryNames.of(code) === undefined) return wanted
  const { region } = new Intl.Locale('und', { region: code })
  return region === code ? undefined : `${wanted} (did you mean ${region}?)`
}

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const REFERRER = new RegExp(`^(?:none|(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*)$`, 'i')

const referrerEntry = z.string().regex(REFERRER, {
  error: 'expected a host name, *.example.com, or none for requests without a Referer',
})

const corsOrigin = z.string().refine((entry) => entry === '*' || isExactOrigin(entry), {
  error: 'expected * or an exact origin, as https://a.example without a path',
})

function isExactOrigin(entry: string): boolean {
  return /^https?:/.test(entry) && URL.canParse(entry) && new URL(entry).origin === entry
}

/** The path of an internal location in nginx, as it stands in its configuration. */
const OFFLOAD = /^(?:none|redirect|x-accel:\/(?:[\w.-]*[\w-][\w.-]*\/)+)$/

const parameterPattern = z.string().regex(/^[^\s&=#?*]+\*?$/, {
  error: 'expected the name of a parameter, or the beginning of a name followed by *',
})

/** The `lifetime.maxSeconds` of a policy that does not say: a week. */
export const DEFAULT_MAX_SECONDS = 604_800

/** The shape of a policy file with every default. */
export const policySchema = z
  .strictObject({
    $schema: z.string().optional().describe('The JSON Schema, for editors.'),
    enforcement: enforcement
      .default('enforce')
      .describe('enforce, or observe: decide, record, let pass.'),
    methods: methods
      .default(['GET', 'HEAD'])
      .describe('Methods that a link allows; GET is always among them.'),
    lifetime: z
      .strictObject({
        defaultSeconds: positiveInteger
          .optional()
          .describe(
            'Seconds a minted link lives if not said otherwise. Default: 3600, or maxSeconds if that is less.',
          ),
        maxSeconds: positiveInteger
          .default(DEFAULT_MAX_SECONDS)
          .describe('Seconds a minted link may live at most.'),
      })
      .transform(({ defaultSeconds, maxSeconds }) => ({
        defaultSeconds: defaultSeconds ?? Math.min(3600, maxSeconds),
        maxSeconds,
      }))
      .prefault({})
      .describe('How long minted links live.'),
    leeway: z
      .strictObject({
        notBeforeSeconds: seconds
          .default(60)
          .describe('Seconds a link is accepted before its not-before.'),
        expirySeconds: seconds.default(0).describe('Seconds a link is accepted after its expiry.'),
        ...ownEnforcement,
      })
      .prefault({})
      .describe('Tolerance for clocks that differ.'),
    resume: z
      .strictObject({
        graceSeconds: seconds
          .default(21_600)
          .describe(
            'Seconds after expiry in which the same client may finish a download that it began in time.',
          ),
      })
      .prefault({})
      .describe('Resuming after the link expired.'),
    address: z
      .strictObject({
        pin: choice(['optional', 'required', 'first-use'])
          .default('optional')
          .describe(
            'optional: bound if the link says so; required: every link must; first-use: to its first client.',
          ),
        tolerance: choice(['exact', 'prefix', 'asn'])
          .default('exact')
          .describe(
            'exact address; prefix: the IPv4 /24 or IPv6 /64 around it; asn: its AS (geo.asn).',
          ),
        ...ownEnforcement,
      })
      .prefault({})
      .describe('Binding links to client addresses.'),
    parallel: z
      .strictObject({
        maxDownloads: positiveInteger
          .nullable()
          .default(null)
          .describe('Downloads at a time; null is no limit.'),
        countBy: choice(['link', 'subject', 'address'])
          .default('link')
          .describe('What shares the limit.'),
        connectionsPerDownload: positiveInteger
          .default(16)
          .describe('Connections that one download may open.'),
        ...ownEnforcement,
      })
      .prefault({})
      .describe('Downloads and connections at the same time.'),
    uses: z
      .strictObject({
        max: positiveInteger
          .nullable()
          .default(null)
          .describe('How often a link may be used; null is no limit.'),
        coverage: z
          .number()
          .positive()
          .max(1)
          .default(0.9)
          .describe('Share of the bytes, above 0 to 1, from which a download counts as a use.'),
        ...ownEnforcement,
      })
      .prefault({})
      .describe('How often a link may be used.'),
    rate: z
      .strictObject({
        bytesPerSecond: positiveInteger
          .nullable()
          .default(null)
          .describe('Bytes a second for all connections that share it; null is no limit.'),
        countBy: choice(['link', 'subject'])
          .default('link')
          .describe('What shares the rate; a link without subject has its own.'),
        enforcement: z
          .never({ error: 'a rate shapes and never refuses, so it cannot be observed' })
          .optional()
          .describe('Not for rates.'),
      })
      .prefault({})
      .describe('Speed.'),
    countries: z
      .strictObject({
        allow: z
          .array(country)
          .default([])
          .describe('Countries (ISO 3166-1 alpha-2); empty allows all.'),
        block: z.array(country).default([]).describe('Countries that are refused.'),
        ...ownEnforcement,
      })
      .prefault({})
      .describe('Countries of clients.'),
    networks: z
      .strictObject({
        allow: z
          .array(networkEntry)
          .default([])
          .describe('Addresses, CIDRs or list names; empty allows all.'),
        block: z
          .array(networkEntry)
          .default([])
          .describe('Addresses, CIDRs or list names that are refused.'),
        ...ownEnforcement,
      })
      .prefault({})
      .describe('Networks of clients.'),
    antiFraud: antiFraudSchema,
    referrers: z
      .strictObject({
        allow: z
          .array(referrerEntry)
          .default([])
          .describe(
            'Hosts of the Referer, *.example.com, or none for requests without one; empty allows all.',
          ),
        ...ownEnforcement,
      })
      .prefault({})
      .describe('Pages that may embed a link.'),
    ignoredParameters: z
      .array(parameterPattern)
      .default(['utm_*', 'fbclid', 'gclid'])
      .describe(
        'Query parameters that may be added to a signed link; a final * stands for any ending.',
      ),
    delivery: z
      .strictObject({
        disposition: choice(['attachment', 'inline'])
          .default('attachment')
          .describe('When the link does not say.'),
        cache: choice(['private-no-store', 'edge'])
          .default('private-no-store')
          .describe('Cache-Control of answers; edge lets shared caches keep what is for everyone.'),
        edge: z
          .strictObject({
            maxSeconds: positiveInteger
              .default(300)
              .describe('Seconds that a shared cache may keep an answer at most.'),
            marginSeconds: seconds
              .default(5)
              .describe('Seconds before the end of its link at which an answer is kept no more.'),
          })
          .prefault({})
          .describe('For cache: edge.'),
        cors: z
          .array(corsOrigin)
          .default(['*'])
          .describe('Origins that scripts may read from: * or exact origins.'),
        offload: z
          .string()
          .regex(OFFLOAD, {
            error: 'expected none, redirect, or x-accel: with a path, as x-accel:/internal/',
          })
          .default('none')
          .describe(
            'Who sends the bytes: none is the gateway itself, x-accel:/path/ nginx, redirect the origin.',
          ),
      })
      .prefault({})
      .describe('How bytes are delivered.'),
  })
  .describe('Sluice policy')

export type PolicyConfig = z.output<typeof policySchema>
