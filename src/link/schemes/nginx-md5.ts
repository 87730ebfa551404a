import { decodeBase64, equalBytes } from '../../base/bytes.ts'
import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext, Site } from '../../request/request-context.ts'
import type { ConstraintName, Constraints } from '../constraints.ts'
import { digest, secretBytes } from '../digest.ts'
import { identify, type Resource } from '../grant.ts'
import { isHostilePath } from '../hostile-path.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal, parametersOf, parseExpiry } from '../link-fields.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  type LinkRequest,
  malformed,
  type Scheme,
  type SignedLink,
  type Trigger,
  type Verified,
} from '../scheme.ts'
import { matchingKey } from './matching-key.ts'
import { captures, NginxExpression } from './nginx-expression.ts'
import { networkOf, oneAddress } from './one-address.ts'
import { compilePattern, type Pattern } from './pattern.ts'
import { servedPath } from './served-path.ts'

const SIGNATURE_BYTES = 16

export interface NginxMd5Options {
  readonly expression: string
  readonly location?: string | undefined
  readonly md5Param: string
  readonly expiresParam: string | null
  readonly allowUnlimited: boolean
}

/** What an expression is filled with: a request, or a link to be signed. */
interface Subject {
  readonly uri: string
  readonly requestUri?: string
  readonly remoteAddress?: string
  readonly site: Site
  /** Of `arg_NAME`, in lower case as nginx has variables. */
  readonly values: ReadonlyMap<string, string>
}

/**
 * `secure_link $arg_md5,$arg_expires` of nginx: base64url(MD5(expression)), where the expression says
 * what is bound. Names of parameters count in any case, as nginx reads them.
 */
export class NginxMd5 implements Scheme {
  readonly name: string
  readonly triggers: readonly Trigger[] = [{ place: 'shape' }]
  readonly expresses: ReadonlySet<ConstraintName>
  readonly signsPrefixes = false
  readonly #options: NginxMd5Options
  readonly #expression: NginxExpression
  readonly #location: Pattern | undefined
  readonly #signsExpiry: boolean
  /** What stands in every query with such a link. */
  readonly #mark: RegExp
  /** In lower case. */
  readonly #read: ReadonlySet<string>

  constructor(name: string, given: NginxMd5Options) {
    this.name = name
    this.#mark = new RegExp(`${given.md5Param}=`, 'i')
    this.#options = given
    this.#expression = new NginxExpression(given.expression)
    this.#location = given.location === undefined ? undefined : compilePattern(given.location)
    const { variables } = this.#expression
    const expires = given.expiresParam?.toLowerCase()
    this.#signsExpiry =
      expires !== undefined &&
      (variables.has('secure_link_expires') || variables.has(`arg_${expires}`))
    this.expresses = new Set(variables.has('remote_addr') ? ['ip'] : [])
    const args = [...variables]
      .filter((name) => name.startsWith('arg_'))
      .map((name) => name.slice(4))
    this.#read = new Set([given.md5Param.toLowerCase(), ...(expires ? [expires] : []), ...args])
  }

  find(context: RequestContext): Found {
    const { rawQuery } = context.target
    if (rawQuery === undefined || !this.#mark.test(rawQuery)) return ABSENT
    const values = this.#readArguments(rawQuery)
    if (values instanceof Map) {
      const signature = values.get(this.#options.md5Param.toLowerCase())
      if (signature === undefined) return ABSENT
      const pieces = this.#pieces(context, values)
      if ('reason' in pieces) return { outcome: 'refused', refusal: pieces }
      const expires = this.#expiryOf(values)
      // no byte of a request line is NUL or a space
      const text = [signature, expires ?? '', pieces.join('\0')].join(' ')
      const carrier: Carrier = { place: 'query', text }
      return { outcome: 'found', carrier, ...(expires === undefined && { isWeak: true }) }
    }
    return { outcome: 'refused', refusal: values }
  }

  verify({ text }: Carrier, keys: KeyRing, context: RequestContext): Verified {
    const [given = '', expires = ''] = text.split(' ', 2)
    const signed = text.slice(given.length + expires.length + 2)
    const validUntil = this.#validUntil(expires, context.now)
    if (typeof validUntil === 'object') return { outcome: 'refused', refusal: validUntil }
    const signature = decodeBase64(given, 'base64url')
    if (signature?.length !== SIGNATURE_BYTES) {
      return malformed(`the ${this.#options.md5Param} is no base64url of 16 bytes`)
    }
    const pieces = signed.split('\0')
    const key = matchingKey(keys, this.name, context.now, (candidate) =>
      equalBytes(signature, hash(pieces, candidate)),
    )
    if (isRefusal(key)) return { outcome: 'refused', refusal: key }
    return {
      outcome: 'granted',
      grant: {
        scheme: this.name,
        key,
        ...identify(key, undefined, signed),
        resource: this.#resource(context, signed),
        validUntil,
        constraints: this.#constraints(context),
      },
    }
  }

  sign({ path, expiresAt, constraints, site }: LinkRequest, key: Key): SignedLink | Refusal {
    const { md5Param, expiresParam, expression } = this.#options
    const { variables } = this.#expression
    const unsayable = (detail: string): Refusal => refuse('link_constraint_unsupported', detail)
    const uri = servedPath(path)
    if (uri === undefined || !variables.has('uri')) {
      return unsayable(`path: the expression ${expression} does not bind one path`)
    }
    if (variables.has('request_uri') || variables.has(`arg_${md5Param.toLowerCase()}`)) {
      return unsayable('path: the expression holds the very signature')
    }
    if (Number.isFinite(expiresAt) !== this.#signsExpiry) {
      const detail = this.#signsExpiry ? 'needs an expiry' : 'says no expiry'
      return unsayable(`expires_at: the expression ${expression} ${detail}`)
    }
    const remoteAddress = variables.has('remote_addr') ? oneAddress(constraints) : ''
    if (remoteAddress === undefined) return unsayable('ip: the expression binds one address')
    const expires = this.#signsExpiry
      ? [[expiresParam?.toLowerCase() ?? '', `${expiresAt}`] as const]
      : []
    const pieces = this.#evaluate({ uri, remoteAddress, site, values: new Map(expires) })
    if ('reason' in pieces) return unsayable(`path: ${pieces.detail}`)
    const signature = `${md5Param}=${hash(pieces, key).toString('base64url')}`
    const expiry = this.#signsExpiry ? `&${expiresParam}=${expiresAt}` : ''
    return { target: `${path}?${signature}${expiry}` }
  }

  canonicalText({ text }: Carrier): string | undefined {
    const [given = '', expires = ''] = text.split(' ', 2)
    return text.slice(given.length + expires.length + 2).replaceAll('\0', '$secret')
  }

  #readArguments(rawQuery: string | undefined): Map<string, string> | Refusal {
    const values = new Map<string, string>()
    for (const { name, value } of parametersOf(rawQuery)) {
      const lower = name.toLowerCase()
      if (!this.#read.has(lower)) continue
      if (values.has(lower)) return refuse('link_malformed', `the parameter ${lower} occurs twice`)
      values.set(lower, value)
    }
    return values
  }

  #expiryOf(values: ReadonlyMap<string, string>): string | undefined {
    const { expiresParam } = this.#options
    return expiresParam === null ? undefined : values.get(expiresParam.toLowerCase())
  }

  /** What a request would have to be signed for. */
  #pieces(context: RequestContext, values: ReadonlyMap<string, string>): string[] | Refusal {
    const { target, client, site } = context
    const uri = servedPath(target.rawPath)
    if (uri === undefined) return refuse('link_malformed', 'the path has no meaning to nginx')
    if (!client && this.#expression.variables.has('remote_addr')) {
      return refuse('address_not_allowed', 'the address of the client is not known')
    }
    const query = target.rawQuery === undefined ? '' : `?${target.rawQuery}`
    const remoteAddress = client?.text ?? ''
    return this.#evaluate({
      uri,
      requestUri: target.rawPath + query,
      remoteAddress,
      site,
      values,
    })
  }

  #evaluate({ uri, requestUri, remoteAddress, site, values }: Subject): string[] | Refusal {
    const captured = this.#location && captures(this.#location, uri)
    if (this.#location && !captured) {
      return refuse('link_resource_mismatch', 'the path is none of the location')
    }
    return this.#expression.evaluate((variable) => {
      if (variable === 'secure_link_expires') return this.#expiryOf(values)
      if (variable === 'uri') return uri
      if (variable === 'request_uri') return requestUri
      if (variable === 'remote_addr') return remoteAddress
      if (variable === 'host') return site.host.replace(/:\d+$/, '')
      if (variable === 'scheme') return site.scheme
      return captured?.get(variable) ?? values.get(variable.slice('arg_'.length))
    })
  }

  #validUntil(expires: string, now: EpochSeconds): EpochSeconds | Refusal {
    if (!this.#signsExpiry && !this.#options.allowUnlimited) {
      return refuse('link_lifetime_exceeded', 'the expression signs no expiry')
    }
    if (!this.#signsExpiry && expires === '') return Infinity
    const until = parseExpiry(expires, now)
    if (until === 0) return refuse('link_malformed', 'the expiry is 0')
    // refused when `expires < now`
    return typeof until === 'number' ? until + 1 : until
  }

  #resource(context: RequestContext, signed: string): Resource {
    const { variables } = this.#expression
    if (variables.has('uri') || variables.has('request_uri')) {
      return { kind: 'exact', path: context.path }
    }
    return {
      kind: 'pattern',
      text: `what ${this.#options.expression} says`,
      covers: (other) => {
        const values = this.#readArguments(other.target.rawQuery)
        const pieces = values instanceof Map ? this.#pieces(other, values) : []
        return (
          Array.isArray(pieces) &&
          pieces.join('\0') === signed &&
          !isHostilePath(other.target.rawPath)
        )
      },
    }
  }

  #constraints({ client }: RequestContext): Constraints {
    if (!client || !this.#expression.variables.has('remote_addr')) return {}
    return { ip: [networkOf(client)] }
  }
}

function hash(pieces: readonly string[], key: Key): Buffer {
  const secret = secretBytes(key)
  return digest('md5', ...pieces.flatMap((piece, i) => (i === 0 ? [piece] : [secret, piece])))
}
