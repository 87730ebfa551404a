import { z } from 'zod'
import { decodeBase64Url } from '../../base/bytes.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { parseStrictJson } from '../../base/strict-json.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { defineScheme } from '../definition.ts'
import type { Condition, Resource } from '../grant.ts'
import { isHostilePath } from '../hostile-path.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal, parametersOf, readFields } from '../link-fields.ts'
import { parameterIndex } from '../raw-query.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  found,
  type LinkRequest,
  malformed,
  type Scheme,
  type SignedLink,
  type Trigger,
  type Verified,
} from '../scheme.ts'
import { isJsonObject, signedPart } from './jws.ts'
import { firstBelow, groupPattern, type PathGroup, pathGroup } from './path-group.ts'
import { RS256 } from './rs256-token.ts'
import {
  CLOUDFLARE_STREAM,
  EXPRESSIBLE,
  grantOfToken,
  MAX_RULES,
  signStreamToken,
  verifyStreamToken,
} from './stream-token.ts'

/** A part that is missing does not make it no token: what looks like one is refused, not passed over. */
const TOKEN_SHAPE = /^eyJ[\w-]*\.[\w-]*(?:\.[\w-]*)?$/
const VIDEO = /^[\w-]{1,128}$/
/** The first segment below the route. */
const VIDEO_SEGMENT = '([^/]+)(?:/|$)'

export interface CloudflareStreamOptions {
  /** Where the token stands: in the place of the video's id (default), or in a parameter. */
  readonly location?: 'path' | 'query' | undefined
  /** The parameter of `location: query`; default `token`. */
  readonly param?: string | undefined
  /** Where paths hold the video's id: group 1. Default: the first segment. */
  readonly subjectFromPath?: string | undefined
  /** Paths with this part need `downloadable: true`. */
  readonly downloadPath?: string | undefined
  readonly maxRules?: number | undefined
}

/**
 * Tokens of Cloudflare Stream: a JWT with RS256 whose `sub` is the id of a video, in the place of that
 * id in the path, or in a parameter. `kid` stands in the header or in the payload.
 */
export class CloudflareStream implements Scheme {
  readonly name = CLOUDFLARE_STREAM
  readonly triggers: readonly Trigger[]
  readonly expresses = EXPRESSIBLE
  readonly signsPrefixes = false
  readonly #parameter: string | undefined
  readonly #subject: (path: string) => PathGroup | undefined
  readonly #downloadPath: string | undefined
  readonly #maxRules: number

  constructor(options: CloudflareStreamOptions = {}) {
    const { location, param = 'token', subjectFromPath = firstBelow('/', VIDEO_SEGMENT) } = options
    this.#parameter = location === 'query' ? param : undefined
    this.triggers = [
      location === 'query' ? { place: 'query', name: param } : { place: 'path', text: '/eyJ' },
    ]
    this.#subject = pathGroup(subjectFromPath)
    this.#downloadPath = options.downloadPath
    this.#maxRules = options.maxRules ?? MAX_RULES
  }

  find({ target: { rawPath, rawQuery = '' } }: RequestContext): Found {
    const parameter = this.#parameter
    if (parameter === undefined) {
      const [token, another] = tokensOf(rawPath)
      if (!token || this.cutPath(rawPath) === undefined) return ABSENT
      return another ? malformed('the path holds several tokens') : found('path', token.text)
    }
    if (parameterIndex(rawQuery, parameter) < 0) return ABSENT
    const fields = readFields(parametersOf(rawQuery), [parameter])
    if (isRefusal(fields)) return { outcome: 'refused', refusal: fields }
    const text = fields[parameter] ?? ''
    const carrier: Carrier = { place: 'query', text }
    return TOKEN_SHAPE.test(text)
      ? { outcome: 'found', carrier }
      : { outcome: 'found', carrier, isWeak: true }
  }

  /**
   * The id that a token names takes its place. What the token says is not proven then; a token that says
   * nothing is taken out, so that it stays out of records.
   */
  cutPath(rawPath: string): string | undefined {
    if (this.#parameter !== undefined || !rawPath.includes('/eyJ')) return undefined
    const [token] = tokensOf(rawPath)
    if (!token) return undefined
    const before = rawPath.slice(0, token.start)
    const after = rawPath.slice(token.start + token.text.length)
    const subject = subjectOf(token.text)
    if (subject === undefined) return before.slice(0, -1) + after
    const path = before + subject + after
    // a token elsewhere than in the place of the id would open a path of the client's making
    return this.#subject(path)?.start === token.start ? path : undefined
  }

  verify({ text }: Carrier, keys: KeyRing, { now, path }: RequestContext): Verified {
    const token = verifyStreamToken(text, keys, now, this.#maxRules)
    if (isRefusal(token)) return { outcome: 'refused', refusal: token }
    const grant = {
      ...grantOfToken(token, path),
      resource: this.#opens(token.subject),
      ...(!token.isDownloadable &&
        this.#downloadPath !== undefined && { conditions: [noDownload(this.#downloadPath)] }),
    }
    return { outcome: 'granted', grant }
  }

  /** Every file of a video, so that one verification serves the segments of a stream. */
  #opens(subject: string): Resource {
    return {
      kind: 'pattern',
      text: `the video ${subject}`,
      covers: ({ path, target }) =>
        !isHostilePath(target.rawPath) && this.#subject(path)?.text === subject,
    }
  }

  sign({ path, expiresAt, constraints }: LinkRequest, key: Key): SignedLink | Refusal {
    if (!key.signKey) return refuse('link_key_unknown', 'the key has no private half')
    const video = this.#subject(path)
    if (!video || !VIDEO.test(video.text)) {
      return refuse('link_constraint_unsupported', 'path: it names no video')
    }
    const isDownloadable = this.#downloadPath !== undefined && path.includes(this.#downloadPath)
    const token = signStreamToken(
      { subject: video.text, expiresAt, isDownloadable, constraints },
      key,
      key.signKey,
    )
    if (this.#parameter !== undefined) return { target: `${path}?${this.#parameter}=${token}` }
    const end = video.start + video.text.length
    return { target: path.slice(0, video.start) + token + path.slice(end) }
  }

  canonicalText({ text }: Carrier): string | undefined {
    return text.includes('.') ? signedPart(text) : undefined
  }
}

/** The segments of a path that look like tokens. */
function tokensOf(rawPath: string): PathGroup[] {
  const tokens: PathGroup[] = []
  for (let at = rawPath.indexOf('/eyJ'); at >= 0; at = rawPath.indexOf('/eyJ', at + 1)) {
    const slash = rawPath.indexOf('/', at + 1)
    const text = rawPath.slice(at + 1, slash < 0 ? undefined : slash)
    if (TOKEN_SHAPE.test(text)) tokens.push({ text, start: at + 1 })
  }
  return tokens
}

/** The `sub` of a token that is not verified yet. */
function subjectOf(token: string): string | undefined {
  const bytes = decodeBase64Url(token.split('.')[1] ?? '')
  const payload = bytes && parseStrictJson(bytes.toString())
  const subject = isJsonObject(payload) ? payload['sub'] : undefined
  return typeof subject === 'string' && VIDEO.test(subject) ? subject : undefined
}

function noDownload(downloadPath: string): Condition {
  return {
    name: 'downloadable',
    check: ({ path }) =>
      path.includes(downloadPath)
        ? refuse('link_resource_mismatch', 'a download needs downloadable: true')
        : undefined,
  }
}

export const cloudflareStream = defineScheme({
  name: CLOUDFLARE_STREAM,
  algorithms: [RS256],
  options: z.strictObject({
    location: z.enum(['path', 'query']).default('path').describe('Where the token stands.'),
    param: z.string().min(1).default('token').describe('The parameter of location: query.'),
    subjectFromPath: groupPattern
      .optional()
      .describe(
        'A regular expression whose group 1 is the place of the id of the video in paths. Default: the first segment below the route.',
      ),
    downloadPath: z
      .string()
      .min(1)
      .optional()
      .describe('Paths with this part need a token with downloadable: true.'),
    maxRules: z
      .int()
      .min(1)
      .max(MAX_RULES)
      .default(MAX_RULES)
      .describe('accessRules that a token may have.'),
  }),
  marks: ({ location, param }) => [location === 'query' ? `query ${param} jws` : 'path jws'],
  create: (options, { routePath = '/' }) => {
    const { subjectFromPath = firstBelow(routePath, VIDEO_SEGMENT) } = options
    return new CloudflareStream({ ...options, subjectFromPath })
  },
})
