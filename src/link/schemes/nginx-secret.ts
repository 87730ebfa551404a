import { decodeHex, equalBytes } from '../../base/bytes.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { encodePath } from '../../request/canonical-path.ts'
import type { RequestContext } from '../../request/request-context.ts'
import type { ConstraintName } from '../constraints.ts'
import { digest, secretBytes } from '../digest.ts'
import { identify } from '../grant.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal } from '../link-fields.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  found,
  type LinkRequest,
  refused,
  type Scheme,
  type SignedLink,
  type Trigger,
  type Verified,
} from '../scheme.ts'
import { matchingKey } from './matching-key.ts'
import { plainPath } from './served-path.ts'

const HASH = /^[0-9A-Fa-f]{32}$/

export interface NginxSecretOptions {
  /** Begins and ends with a slash. */
  readonly prefix: string
  readonly allowUnlimited: boolean
  /** The objects of the links lie below it; with a slash at both ends. */
  readonly routePath: string
}

/**
 * `secure_link_secret` of nginx: `/<prefix>/<hex MD5(link + secret)>/<link>`, where the link is the rest
 * of the target as sent, query and all. Nothing in it ever expires.
 */
export class NginxSecret implements Scheme {
  readonly name: string
  readonly triggers: readonly Trigger[]
  readonly expresses: ReadonlySet<ConstraintName> = new Set()
  readonly signsPrefixes = false
  readonly #prefix: string
  readonly #allowUnlimited: boolean
  /** The path of the route without its last slash. */
  readonly #base: string

  constructor(name: string, { prefix, allowUnlimited, routePath }: NginxSecretOptions) {
    this.name = name
    this.#prefix = prefix
    this.#base = routePath.slice(0, -1)
    this.triggers = [{ place: 'path', text: prefix }]
    this.#allowUnlimited = allowUnlimited
  }

  cutPath(rawPath: string): string | undefined {
    const cut = this.#cut(rawPath)
    return cut && encodePath(this.#base) + cut.path
  }

  find({ target: { rawPath, rawQuery } }: RequestContext): Found {
    const cut = this.#cut(rawPath)
    if (!cut) return ABSENT
    const query = rawQuery === undefined ? '' : `?${rawQuery}`
    return found('path', `${cut.hash}${cut.path}${query}`)
  }

  verify({ text }: Carrier, keys: KeyRing, { now }: RequestContext): Verified {
    const slash = text.indexOf('/')
    const link = text.slice(slash + 1)
    // nginx takes digits of either case
    const signature = decodeHex(text.slice(0, slash).toLowerCase())
    if (!this.#allowUnlimited) return refused('link_lifetime_exceeded', 'such links never expire')
    const key = matchingKey(
      keys,
      this.name,
      now,
      (candidate) => signature !== undefined && equalBytes(signature, hash(link, candidate)),
    )
    if (isRefusal(key)) return { outcome: 'refused', refusal: key }
    const [rawPath = ''] = link.split('?', 1)
    return {
      outcome: 'granted',
      grant: {
        scheme: this.name,
        key,
        ...identify(key, undefined, link),
        resource: { kind: 'exact', path: this.#base + plainPath(`/${rawPath}`) },
        validUntil: Infinity,
        constraints: {},
      },
    }
  }

  sign({ path, expiresAt }: LinkRequest, key: Key): SignedLink | Refusal {
    if (Number.isFinite(expiresAt)) {
      return refuse('link_constraint_unsupported', 'expires_at: such links never expire')
    }
    const link = path.slice(encodePath(this.#base).length)
    return { target: `${this.#prefix}${hash(link.slice(1), key).toString('hex')}${link}` }
  }

  canonicalText({ text }: Carrier): string | undefined {
    return `${text.slice(text.indexOf('/') + 1)}$secret`
  }

  #cut(rawPath: string): { readonly hash: string; readonly path: string } | undefined {
    if (!rawPath.startsWith(this.#prefix)) return undefined
    const slash = rawPath.indexOf('/', this.#prefix.length)
    const given = rawPath.slice(this.#prefix.length, slash)
    const path = rawPath.slice(slash)
    return slash >= 0 && path.length > 1 && HASH.test(given) ? { hash: given, path } : undefined
  }
}

function hash(link: string, key: Key): Buffer {
  return digest('md5', link, secretBytes(key))
}
