import { z } from 'zod'
import { decodeBase64, equalBytes } from '../../base/bytes.ts'
import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext, Site } from '../../request/request-context.ts'
import { formatIPv4Range } from '../address-range.ts'
import type { ConstraintName } from '../constraints.ts'
import { defineScheme } from '../definition.ts'
import { hmac } from '../digest.ts'
import { identify, type Resource } from '../grant.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal } from '../link-fields.ts'
import { parameterIndex } from '../raw-query.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  found,
  type LinkRequest,
  malformed,
  refused,
  type Scheme,
  type SignedLink,
  type Trigger,
  type Verified,
} from '../scheme.ts'
import { formatUtcTime, parseUtcTime } from '../utc-time.ts'
import { readSasTerms, type StoredPolicies } from './sas-terms.ts'
import {
  boundHeaders,
  boundQuery,
  readSasFields,
  type SasFields,
  type SasKind,
  sasKind,
  sasText,
} from './sas-layout.ts'
import { isPlain, sasResource } from './sas-resource.ts'

const NAME = 'azure-sas'
/** The version of new links. Layouts of later ones add only what these do not carry. */
const VERSION = '2022-11-02'
const MAX_KEYS = 16
/** The object id of a user: keys of that name are delegated ones, all others the account's. */
const OBJECT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.|$)/i

export interface AzureSasOptions {
  readonly account?: string | undefined
  readonly storedPolicies?: StoredPolicies | undefined
}

/** A SAS as a request carries it: nothing proven. */
interface Sas {
  readonly kind: SasKind
  readonly fields: SasFields
  readonly text: string
  readonly opens: Resource
  /** What `verify` reads of the request besides the query. */
  readonly names: string
}

/**
 * Shared access signatures of Azure Blob Storage: service SAS, account SAS and user delegation SAS.
 * `sig` = base64(HMAC-SHA256(key, the decoded values one a line)), in an order that `sv` selects.
 */
export class AzureSas implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[] = [{ place: 'query', name: 'sv' }]
  readonly expresses: ReadonlySet<ConstraintName> = new Set(['nbf', 'ip'])
  readonly signsPrefixes = true
  readonly setsResponse = true
  readonly #account: string | undefined
  readonly #storedPolicies: StoredPolicies

  constructor({ account, storedPolicies = {} }: AzureSasOptions = {}) {
    this.#account = account
    this.#storedPolicies = storedPolicies
  }

  /** A delegated key signs with what Azure said when it was made, which its file does not hold. */
  signsWith({ kid }: Key): boolean {
    return !OBJECT_ID.test(kid)
  }

  find(context: RequestContext): Found {
    const { rawQuery = '' } = context.target
    if (parameterIndex(rawQuery, 'sig') < 0 || parameterIndex(rawQuery, 'sv') < 0) return ABSENT
    const sas = this.#read(context)
    if (isRefusal(sas)) return { outcome: 'refused', refusal: sas }
    return found('query', `${sas.names}\n${rawQuery}`)
  }

  verify(_carrier: Carrier, keys: KeyRing, context: RequestContext): Verified {
    const sas = this.#read(context)
    if (isRefusal(sas)) return { outcome: 'refused', refusal: sas }
    const { fields, text, opens } = sas
    const signature = decodeBase64(fields.sig ?? '', 'base64')
    if (signature?.length !== 32) return malformed('sig is no base64 of 32 bytes')
    const candidates = candidateKeys(sas, keys, context.now)
    if (candidates.length === 0) return refused('link_key_unknown', 'no such key')
    const key = candidates.find((candidate) => equalBytes(sign(candidate, text), signature))
    if (!key) return refused('link_signature_wrong', 'the HMAC differs')
    const terms = readSasTerms(sas.kind, fields, this.#storedPolicies, context.now)
    if (isRefusal(terms)) return { outcome: 'refused', refusal: terms }
    const grant = {
      scheme: NAME,
      key,
      ...identify(key, undefined, text),
      resource: opens,
      ...terms,
    }
    return { outcome: 'granted', grant }
  }

  #read(context: RequestContext): Sas | Refusal {
    const { target, site, path } = context
    const fields = readSasFields(target.rawQuery)
    if (isRefusal(fields)) return fields
    const kind = sasKind(fields)
    if (typeof kind !== 'string') return kind
    const account = this.#accountOf(site)
    const resource =
      kind === 'account'
        ? (isPlain(target.rawPath) ?? { canonical: '', opens: everyBlob(account) })
        : sasResource(account, fields, target.rawPath, path)
    if (isRefusal(resource)) return resource
    const requestHeaders = kind === 'delegation' ? boundHeaders(fields, context) : ''
    if (typeof requestHeaders !== 'string') return requestHeaders
    const requestQuery = kind === 'delegation' ? boundQuery(fields, context) : ''
    if (typeof requestQuery !== 'string') return requestQuery
    const { canonical, opens } = resource
    const text = sasText(kind, fields, {
      account,
      resource: canonical,
      requestHeaders,
      requestQuery,
    })
    return { kind, fields, text, opens, names: `${account}\n${canonical}\n${requestHeaders}` }
  }

  /** Azure's own hosts are `<account>.blob.core.windows.net`. */
  #accountOf({ host }: Site): string {
    return this.#account ?? host.split('.', 1)[0] ?? ''
  }

  sign(request: LinkRequest, key: Key): SignedLink | Refusal {
    const { path, expiresAt, constraints, site, response = {} } = request
    const unsupported = (detail: string): Refusal => refuse('link_constraint_unsupported', detail)
    if (!this.signsWith(key)) {
      return unsupported('scheme: links are signed by the key of the account, not by a user')
    }
    const { ip, nbf } = constraints
    const [network] = ip ?? []
    if (ip && (ip.length !== 1 || network?.first.family !== 4)) {
      return unsupported('ip: one IPv4 address or network')
    }
    const st = nbf === undefined ? '' : formatUtcTime(nbf)
    const se = formatUtcTime(expiresAt)
    if (st === undefined || se === undefined)
      return unsupported('nbf: a time before the year 10000')
    const isPrefix = path.endsWith('/*')
    const depth = path.split('/').length - 3
    if (isPrefix && depth < 0) return unsupported('path: a prefix begins with its container')
    const fields: SasFields = {
      sv: VERSION,
      ...(st !== '' && { st }),
      se,
      ...(network && { sip: formatIPv4Range(network) }),
      sr: isPrefix ? (depth === 0 ? 'c' : 'd') : 'b',
      ...(isPrefix && depth > 0 && { sdd: String(depth) }),
      sp: 'r',
      ...(response.contentDisposition !== undefined && { rscd: response.contentDisposition }),
      ...(response.contentType !== undefined && { rsct: response.contentType }),
    }
    const object = isPrefix ? `${path.slice(0, -1)}x` : path
    const account = this.#accountOf(site)
    const resource = sasResource(account, fields, object, object)
    if (isRefusal(resource)) return unsupported('path: a container and a blob')
    const text = sasText('service', fields, {
      account,
      resource: resource.canonical,
      requestHeaders: '',
      requestQuery: '',
    })
    const query = Object.entries({ ...fields, sig: sign(key, text).toString('base64') }).map(
      ([name, value]) => `${name}=${encodeURIComponent(value)}`,
    )
    return { target: `${isPrefix ? path.slice(0, -1) : path}?${query.join('&')}` }
  }

  canonicalText(_carrier: Carrier, context: RequestContext): string | undefined {
    const sas = this.#read(context)
    return isRefusal(sas) ? undefined : sas.text
  }
}

/**
 * A delegated key expires with its `ske`, which only a user delegation SAS carries: were it tried for the
 * others, too, its holder could sign beyond that.
 */
function candidateKeys({ kind, fields }: Sas, keys: KeyRing, now: EpochSeconds): Key[] {
  const { skoid = '' } = fields
  return keys
    .all(NAME, now)
    .filter(({ kid, verifyKey }) => {
      if (verifyKey.type !== 'secret') return false
      return kind === 'delegation'
        ? kid === skoid || (OBJECT_ID.test(kid) && kid.startsWith(`${skoid}.`))
        : !OBJECT_ID.test(kid)
    })
    .slice(0, MAX_KEYS)
}

function sign(key: Key, text: string): Buffer {
  return hmac(key, 'sha256', Buffer.from(text))
}

function everyBlob(account: string): Resource {
  return { kind: 'pattern', text: `every blob of ${account}`, covers: () => true }
}

const utcTime = z.string().refine((text) => parseUtcTime(text) !== undefined, {
  error: 'expected a time as 2026-01-31T12:00:00Z',
})

export const azureSas = defineScheme({
  name: NAME,
  algorithms: ['HS256'],
  options: z.strictObject({
    account: z
      .string()
      .regex(/^[a-z0-9]{3,24}$/, { error: 'an account has 3 to 24 lower-case letters and digits' })
      .optional()
      .describe('Name of the storage account. Default: the first label of the host in links.'),
    storedPolicies: z
      .record(
        z.string().min(1).max(64),
        z.strictObject({
          permissions: z
            .string()
            .regex(/^[a-z]{1,32}$/, { error: 'expected letters as in sp' })
            .optional()
            .describe('Letters as in sp.'),
          start: utcTime.optional().describe('ISO 8601 in UTC, as in st.'),
          expiry: utcTime.optional().describe('ISO 8601 in UTC, as in se.'),
        }),
      )
      .default({})
      .describe('Stored access policies, which links name by si; others refuse.'),
  }),
  marks: () => ['query sig+sv'],
  create: (options) => new AzureSas(options),
})
