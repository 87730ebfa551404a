/**
 * Every expected "no". `status`, `code` and `title` are what the outside sees; the key is what the
 * record keeps. Several keys share `link_invalid`, so that links which failed their signature look alike.
 */
export const REASONS = {
  request_invalid: { status: 400, code: 'request_invalid', title: 'The request is not valid HTTP' },
  path_invalid: { status: 400, code: 'path_invalid', title: 'The path is not valid' },
  route_not_found: { status: 404, code: 'route_not_found', title: 'There is nothing here' },
  method_not_allowed: {
    status: 405,
    code: 'method_not_allowed',
    title: 'The method is not allowed',
  },

  link_missing: { status: 401, code: 'link_missing', title: 'A signed link is needed' },
  link_malformed: { status: 403, code: 'link_invalid', title: 'The link is not valid' },
  link_ambiguous: { status: 403, code: 'link_invalid', title: 'The link is not valid' },
  link_key_unknown: { status: 403, code: 'link_invalid', title: 'The link is not valid' },
  link_signature_wrong: { status: 403, code: 'link_invalid', title: 'The link is not valid' },
  link_resource_mismatch: { status: 403, code: 'link_invalid', title: 'The link is not valid' },
  link_issuer_mismatch: { status: 403, code: 'link_invalid', title: 'The link is not valid' },
  link_audience_mismatch: { status: 403, code: 'link_invalid', title: 'The link is not valid' },
  link_lifetime_exceeded: { status: 403, code: 'link_invalid', title: 'The link is not valid' },
  link_constraint_unsupported: {
    status: 403,
    code: 'link_invalid',
    title: 'The link is not valid',
  },

  link_not_yet_valid: {
    status: 403,
    code: 'link_not_yet_valid',
    title: 'The link is not valid yet',
  },
  link_expired: { status: 410, code: 'link_expired', title: 'The link has expired' },
  link_revoked: { status: 410, code: 'link_revoked', title: 'The link was withdrawn' },
  link_used: { status: 410, code: 'link_used', title: 'The link was used already' },
  prefetch_not_allowed: {
    status: 403,
    code: 'prefetch_not_allowed',
    title: 'This link cannot be fetched ahead of time',
  },

  address_not_allowed: {
    status: 403,
    code: 'address_not_allowed',
    title: 'The link is not valid for this address',
  },
  country_not_allowed: {
    status: 403,
    code: 'country_not_allowed',
    title: 'The link is not valid in this country',
  },
  network_blocked: {
    status: 403,
    code: 'network_blocked',
    title: 'Downloads from this network are not allowed',
  },
  anonymizer_blocked: {
    status: 403,
    code: 'anonymizer_blocked',
    title: 'Downloads through networks that hide their users are not allowed',
  },
  link_shared: {
    status: 403,
    code: 'link_shared',
    title: 'The link is used from too many places',
  },
  referrer_not_allowed: {
    status: 403,
    code: 'referrer_not_allowed',
    title: 'The page that linked here is not allowed to',
  },

  too_many_downloads: {
    status: 429,
    code: 'too_many_downloads',
    title: 'Too many downloads at the same time',
  },
  too_many_connections: {
    status: 429,
    code: 'too_many_connections',
    title: 'Too many connections for this download',
  },

  object_not_found: { status: 404, code: 'object_not_found', title: 'There is no such object' },
  precondition_failed: {
    status: 412,
    code: 'precondition_failed',
    title: 'The object is not the one that was asked for',
  },
  range_not_satisfiable: {
    status: 416,
    code: 'range_not_satisfiable',
    title: 'The range lies outside of the object',
  },
} as const satisfies Record<string, ReasonSpec>

interface ReasonSpec {
  readonly status: number
  readonly code: string
  readonly title: string
}

/** What the record calls a refusal; public API of the records: add, never reuse. */
export type ReasonCode = keyof typeof REASONS

/** An expected no. `detail` is for operators: it goes to the record and to inspect, never to the client. */
export interface Refusal {
  readonly reason: ReasonCode
  readonly detail: string
}

export function refuse(reason: ReasonCode, detail: string): Refusal {
  return { reason, detail }
}
