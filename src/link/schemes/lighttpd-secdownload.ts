import { z } from 'zod'
import { escapePattern } from '../../base/escape-pattern.ts'
import { decodeBase64Url, decodeHex, equalBytes } from '../../base/bytes.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { encodePath } from '../../request/canonical-path.ts'
import type { RequestContext } from '../../request/request-context.ts'
import type { ConstraintName } from '../constraints.ts'
import { defineScheme } from '../definition.ts'
import { digest, hmac, secretBytes } from '../digest.ts'
import { identify, type Resource } from '../grant.ts'
import { isHostilePath } from '../hostile-path.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal } from '../link-fields.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  found,
  type LinkRequest,
  malformed,
  MAX_AHEAD_SECONDS,
  type Scheme,
  type SignedLink,
  type Trigger,
  type Verified,
} from '../scheme.ts'
import { matchingKey } from './matching-key.ts'
import { plainPath, servedPath } from './served-path.ts'

const NAME = 'lighttpd-secdownload'

const MACS = {
  md5: { shape: '[0-9A-Fa-f]{32}' },
  'hmac-sha1': { shape: '[\\w-]{27}', digest: 'sha1' },
  'hmac-sha256': { shape: '[\\w-]{43}', digest: 'sha256' },
} as const

const options = z.strictObject({
  algorithm: z
    .enum(['md5', 'hmac-sha1', 'hmac-sha256'])
    .default('hmac-sha256')
    .describe('As secdownload.algorithm.'),
  prefix: z
    .string()
    .regex(/^\/[\w.~/-]*$/, { error: 'must begin with a slash and hold plain characters' })
    .default('/')
    .describe('What stands before the code of a link, as secdownload.uri-prefix.'),
  timeout: z
    .int()
    .min(1)
    .max(MAX_AHEAD_SECONDS)
    .default(60)
    .describe('Seconds that a link lives after, and before, the time in it.'),
  pathSegments: z
    .int()
    .min(0)
    .max(64)
    .default(0)
    .describe(
      'Only so many segments of the path are signed, as secdownload.path-segments; 0: all.',
    ),
  hashQuerystr: z
    .boolean()
    .default(false)
    .describe('Whether the query is signed as well, as secdownload.hash-querystr.'),
})

export type LighttpdOptions = z.output<typeof options>

/** The parts of the raw path of a link. */
interface Cut {
  readonly mac: string
  /** Hex, as sent: its text is signed. */
  readonly time: string
  /** The path of the object. */
  readonly path: string
}

/** Links of lighttpd's mod_secdownload, which lighttpd 1.4.68 and later do not have. */
export class LighttpdSecdownload implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[]
  readonly expresses: ReadonlySet<ConstraintName> = new Set()
  readonly signsPrefixes: boolean
  readonly #options: LighttpdOptions
  /** Code, time and path of a link. */
  readonly #shape: RegExp
  /** The path of the route without its last slash. */
  readonly #base: string

  /** `routePath`: the objects of the links lie below it, as below lighttpd's document-root. */
  constructor(given: LighttpdOptions, routePath = '/') {
    this.#options = given
    this.#base = routePath.slice(0, -1)
    this.triggers = [{ place: 'path', text: given.prefix }]
    const { shape } = MACS[given.algorithm]
    this.#shape = new RegExp(`^${escapePattern(given.prefix)}(${shape})/([0-9A-Fa-f]{1,16})(/.*)$`)
    this.signsPrefixes = given.pathSegments > 0
  }

  cutPath(rawPath: string): string | undefined {
    const cut = this.#cut(rawPath)
    return cut && encodePath(this.#base) + cut.path
  }

  find({ target: { rawPath, rawQuery } }: RequestContext): Found {
    const cut = this.#cut(rawPath)
    if (!cut) return ABSENT
    const { pathSegments, hashQuerystr } = this.#options
    if (pathSegments > 0 && isHostilePath(cut.path)) {
      return malformed('the path could leave the segments that are signed')
    }
    const query = hashQuerystr && rawQuery ? `?${rawQuery}` : ''
    const signedPath = firstSegments(cut.path, pathSegments)
    return found('path', `${cut.mac} ${cut.time} ${signedPath}${query}`)
  }

  verify({ text }: Carrier, keys: KeyRing, { now }: RequestContext): Verified {
    const [mac = '', time = '', rest = ''] = text.split(' ')
    const [rawPath = ''] = rest.split('?', 1)
    const madeAt = Number(`0x${time}`)
    const { timeout } = this.#options
    if (madeAt > now + MAX_AHEAD_SECONDS) return malformed('the time lies more than 10 years ahead')
    const signature = this.#readMac(mac)
    if (!signature) return malformed('the code is no strict base64url')
    const signedPath = this.#signedPath(rest)
    if (signedPath === undefined) return malformed('the path has no meaning to lighttpd')
    const key = matchingKey(keys, NAME, now, (candidate) =>
      equalBytes(signature, this.#mac(time, signedPath, candidate)),
    )
    if (isRefusal(key)) return { outcome: 'refused', refusal: key }
    return {
      outcome: 'granted',
      grant: {
        scheme: NAME,
        key,
        ...identify(key, undefined, `/${time}${signedPath}`),
        resource: this.#resource(rawPath),
        validUntil: madeAt + timeout + 1,
        constraints: { nbf: Math.max(0, madeAt - timeout) },
      },
    }
  }

  sign({ path, expiresAt }: LinkRequest, key: Key): SignedLink | Refusal {
    const { prefix, timeout, pathSegments } = this.#options
    const unsayable = (detail: string): Refusal => refuse('link_constraint_unsupported', detail)
    const isPrefix = path.endsWith('/*')
    const object = (isPrefix ? path.slice(0, -2) : path).slice(encodePath(this.#base).length)
    const depth = object.split('/').length - 1
    if (isPrefix ? depth !== pathSegments : pathSegments > 0 && depth >= pathSegments) {
      return unsayable(`path: links open what lies below ${pathSegments} segments`)
    }
    const madeAt = expiresAt - timeout
    if (!Number.isSafeInteger(madeAt) || madeAt < 0) return unsayable('expires_at: cannot be said')
    const signedPath = servedPath(object)
    if (signedPath === undefined) return unsayable('path: it has no meaning to lighttpd')
    const time = madeAt.toString(16).padStart(8, '0')
    const mac = this.#mac(time, signedPath, key)
    const code = mac.toString(this.#options.algorithm === 'md5' ? 'hex' : 'base64url')
    return { target: `${prefix}${code}/${time}${object}${isPrefix ? '/' : ''}` }
  }

  canonicalText({ text }: Carrier): string | undefined {
    const [, time = '', rest = ''] = text.split(' ')
    const signedPath = this.#signedPath(rest)
    if (signedPath === undefined) return undefined
    return this.#options.algorithm === 'md5'
      ? `$secret${signedPath}${time}`
      : `/${time}${signedPath}`
  }

  #cut(rawPath: string): Cut | undefined {
    const [, mac, time, path] = this.#shape.exec(rawPath) ?? []
    return mac !== undefined && time !== undefined && path !== undefined
      ? { mac, time, path }
      : undefined
  }

  /** lighttpd takes hex digits of either case. */
  #readMac(mac: string): Buffer | undefined {
    return this.#options.algorithm === 'md5' ? decodeHex(mac.toLowerCase()) : decodeBase64Url(mac)
  }

  /** What is signed of path and query: the path decoded, the query as sent. */
  #signedPath(rest: string): string | undefined {
    const question = rest.indexOf('?')
    if (question < 0) return servedPath(rest)
    const path = servedPath(rest.slice(0, question))
    return path === undefined ? undefined : path + rest.slice(question)
  }

  #mac(time: string, signedPath: string, key: Key): Buffer {
    const mac = MACS[this.#options.algorithm]
    return 'digest' in mac
      ? hmac(key, mac.digest, `/${time}${signedPath}`)
      : digest('md5', secretBytes(key), signedPath, time)
  }

  #resource(rawPath: string): Resource {
    const { pathSegments } = this.#options
    const plain = plainPath(rawPath)
    const path = this.#base + plain
    if (pathSegments === 0 || plain.split('/').length - 1 < pathSegments) {
      return { kind: 'exact', path }
    }
    return {
      kind: 'pattern',
      text: `${path}/*`,
      covers: (context) => context.path === path || context.path.startsWith(`${path}/`),
    }
  }
}

/** The first `count` segments of a path; all for 0. */
function firstSegments(path: string, count: number): string {
  return count === 0 ? path : path.split('/', count + 1).join('/')
}

export const lighttpdSecdownload = defineScheme({
  name: NAME,
  algorithms: ['HS256', 'HS1', 'MD5'],
  options,
  marks: ({ prefix, algorithm }) => [`path ${prefix}${algorithm}/time`],
  create: (given, { routePath }) => new LighttpdSecdownload(given, routePath),
})
