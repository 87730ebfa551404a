import { parseAddress } from '../base/address.ts'
import { secondsOf, type EpochSeconds } from '../base/clock.ts'
import type { Anonymizer, NetworkFacts } from '../base/network-facts.ts'
import type { Refusal } from '../base/refusal.ts'
import { REASONS } from '../base/refusal.ts'
import { writeConstraints } from '../link/constraints.ts'
import { describeResource, type Grant } from '../link/grant.ts'
import type { Route } from '../http/route.ts'
import { decide, type TraceEntry } from '../policy/decide.ts'
import { maxUses } from '../policy/limits.ts'
import type { Policy } from '../policy/policy.ts'
import type { LinkHistory } from '../policy/rule.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { LinkDesk } from './link-desk.ts'
import { requestOf } from './request-of.ts'
import { signatureHints } from './signature-hints.ts'

/** A link, and as whom, when and how it is supposed to be used. */
export interface InspectRequest {
  readonly url: string
  readonly as?: {
    readonly ip?: string | undefined
    readonly time?: EpochSeconds | undefined
    readonly method?: string | undefined
    readonly headers?: Readonly<Record<string, string>> | undefined
  }
}

/** What the state knows besides what rules ask. */
export interface InspectHistory extends LinkHistory {
  /** Uses of the link that are spent. */
  readonly spent: number
}

/** Looks up what the state knows of a link, and takes nothing. */
export type Recall = (
  grant: Grant,
  context: RequestContext,
  policy: Policy,
) => InspectHistory | Promise<InspectHistory>

/** What a link is, what it proves, and rule by rule why it would be let in or refused. */
export interface Inspection {
  readonly decision: 'permit' | 'deny' | 'unusable'
  /** The public code, and the finer reason of the record. */
  readonly code: string | null
  readonly reason: string | null
  readonly detail: string | null
  readonly route: string | null
  readonly policy: string | null
  readonly link: {
    readonly scheme: string
    readonly carrier: string
    readonly canonical: string | null
  } | null
  readonly proves: Readonly<Record<string, unknown>> | null
  /** What is known of the network of the client who is supposed to ask. */
  readonly network: {
    readonly country: string | null
    readonly asn: number | null
    readonly anonymizers: readonly Anonymizer[]
  } | null
  readonly trace: readonly TraceEntry[]
  /** Guesses at why a signature does not hold. */
  readonly hints: readonly string[]
}

const NOTHING: Inspection = {
  decision: 'unusable',
  code: null,
  reason: null,
  detail: null,
  route: null,
  policy: null,
  link: null,
  proves: null,
  network: null,
  trace: [],
  hints: [],
}

/** Answers as the gateway would, spending nothing. Limits on what runs at the moment are left out. */
export async function inspectLink(
  desk: LinkDesk,
  recall: Recall,
  { url, as = {} }: InspectRequest,
): Promise<Inspection> {
  const client = as.ip === undefined ? undefined : parseAddress(as.ip)
  if (as.ip !== undefined && !client) return { ...NOTHING, detail: `${as.ip} is no IP address` }
  const network = client && desk.networks.find(client)
  const supposed = requestOf(
    {
      url,
      now: as.time ?? secondsOf(desk.clock),
      site: desk.site,
      method: as.method,
      headers: as.headers,
      client,
      network,
    },
    desk.routes,
  )
  if ('why' in supposed) return { ...NOTHING, detail: supposed.why }
  const { context, route } = supposed
  const place = {
    ...NOTHING,
    route: route.path,
    policy: route.policy.name,
    network: network ? knownOf(network) : null,
  }
  const located = route.verifier.locate(context)
  if (located.outcome === 'absent') {
    return {
      ...place,
      ...refusedBy({ reason: 'link_missing', detail: 'no link of the route' }),
      decision: 'unusable',
    }
  }
  if (located.outcome === 'refused') return { ...place, ...refusedBy(located.refusal) }
  const { scheme, carrier } = located
  const link = {
    scheme: scheme.name,
    carrier: carrier.place,
    canonical: scheme.canonicalText(carrier, context) ?? null,
  }
  const verified = route.verifier.verify(context)
  if (verified.outcome !== 'granted') {
    const refusal = verified.outcome === 'refused' ? verified.refusal : undefined
    return {
      ...place,
      link,
      ...(refusal && refusedBy(refusal)),
      trace: [{ rule: 'signature', outcome: 'refuse', ...refusal }],
      hints: signatureHints(scheme, carrier, desk, context),
    }
  }
  const history = await recall(verified.grant, context, route.policy)
  return { ...place, link, ...judge(verified.grant, context, route, history, as.ip !== undefined) }
}

function judge(
  grant: Grant,
  context: RequestContext,
  route: Route,
  history: InspectHistory,
  hasClient: boolean,
): Pick<Inspection, 'decision' | 'code' | 'reason' | 'detail' | 'proves' | 'trace'> {
  const trace: TraceEntry[] = [{ rule: 'signature', outcome: 'pass' }]
  let { refusal } = decide(grant, context, route.policy, history, trace)
  if (!(route.policy.methods as readonly string[]).includes(context.method)) {
    refusal = { reason: 'method_not_allowed', detail: `${context.method} is not among the methods` }
    trace.unshift({ rule: 'method', outcome: 'refuse', ...refusal })
  }
  const max = maxUses(grant, route.policy)
  if (max !== undefined) {
    const { spent } = history
    const detail = `${spent} of ${max} uses are spent`
    const observes = route.policy.uses.enforcement === 'observe'
    const outcome = spent < max ? 'pass' : observes ? 'observe' : 'refuse'
    trace.push({ rule: 'uses', outcome, detail })
    if (outcome === 'refuse') refusal ??= { reason: 'link_used', detail }
  }
  const hint = hasClient
    ? null
    : 'no --as-ip was given: rules about the address see an unknown client'
  return {
    ...(refusal
      ? refusedBy(refusal)
      : { decision: 'permit', code: null, reason: null, detail: hint }),
    proves: proofOf(grant),
    trace,
  }
}

function knownOf({ country, asn, anonymizers }: NetworkFacts): Inspection['network'] {
  return { country: country ?? null, asn: asn ?? null, anonymizers }
}

function proofOf(grant: Grant): Record<string, unknown> {
  return {
    id: grant.linkId,
    kid: grant.key.kid,
    alg: grant.key.alg,
    path: describeResource(grant.resource),
    expires_at: grant.validUntil === Infinity ? null : grant.validUntil,
    ...Object.fromEntries(writeConstraints(grant.constraints, 'json')),
    ...(grant.conditions && { conditions: grant.conditions.map(({ name }) => name) }),
    ...(grant.response && { response: grant.response }),
  }
}

function refusedBy(refusal: Refusal): Pick<Inspection, 'decision' | 'code' | 'reason' | 'detail'> {
  const { code } = REASONS[refusal.reason]
  return { decision: 'deny', code, reason: refusal.reason, detail: refusal.detail }
}
