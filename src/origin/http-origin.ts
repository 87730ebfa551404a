import type { Cancellation } from '../base/cancellation.ts'
import { GatewayError } from '../base/failure.ts'
import { isAnswerTo, parseContentRange, parseUnsatisfiedRange } from './http/content-range.ts'
import { HttpObject, type PendingBody } from './http/http-object.ts'
import type { HttpResponse } from './http/http-response.ts'
import { isStrongTag, metaFromHead } from './http/object-meta.ts'
import { OriginClient, type RequestSender } from './http/origin-client.ts'
import { encodePath } from './http/request-text.ts'
import { malformed } from './http/response-fields.ts'
import type { Presigner } from './presign.ts'
import type {
  MissingObject,
  ObjectMeta,
  ObjectRequest,
  OpenObject,
  Origin,
  RangeHint,
} from './origin.ts'

/** How origins refuse a HEAD that they would answer as a GET: not known, or a link signed for GET alone. */
const HEAD_REFUSED = new Set([400, 403, 405, 501])
const GONE = new Set([404, 410])
const FIRST_BYTE: RangeHint = { first: 0, last: 0 }
const NO_CONTENT_FIELDS = {
  contentType: undefined,
  contentEncoding: undefined,
  contentLanguage: undefined,
}

export interface HttpOriginOptions {
  /** `http:` or `https:`; names are looked up below its path. */
  readonly url: string
  /** Sent to the origin's own host alone, never to one it redirects to. */
  readonly headers: Readonly<Record<string, string>>
  /** For each of: connecting, waiting for a response head, silence in a body. May be a fraction. */
  readonly timeoutSeconds: number
  readonly followRedirects: boolean
  /** `host` or `host:port` that a redirect may lead to besides the origin itself. */
  readonly redirectHosts?: readonly string[] | undefined
  /** Redirect hosts may resolve to private and other special-purpose addresses. */
  readonly allowPrivateAddresses?: boolean | undefined
  /** Trust anchors in PEM in place of the well-known ones. */
  readonly ca?: string | Buffer | undefined
  readonly presigner?: Presigner | undefined
}

/** Objects behind an HTTP/1.1 server. Nothing of a client's request reaches it but the name and a range. */
export class HttpOrigin implements Origin {
  readonly kind = 'http'
  readonly presigner: Presigner | undefined
  readonly #basePath: string
  readonly #client: OriginClient
  readonly #lookup: HttpLookup

  /** Throws `TypeError` for options that cannot work. */
  constructor(options: HttpOriginOptions) {
    const base = parseBase(options.url)
    if (!(options.timeoutSeconds > 0)) throw new TypeError('origin timeoutSeconds must be positive')
    this.#basePath = base.pathname.endsWith('/') ? base.pathname : `${base.pathname}/`
    this.#client = new OriginClient({
      base,
      headers: options.headers,
      timeoutSeconds: options.timeoutSeconds,
      followRedirects: options.followRedirects,
      redirectHosts: options.redirectHosts ?? [],
      allowPrivateAddresses: options.allowPrivateAddresses ?? false,
      ca: options.ca,
    })
    this.#lookup = new HttpLookup(this.#client)
    this.presigner = options.presigner
  }

  open(request: ObjectRequest): Promise<OpenObject | MissingObject> {
    const path = encodePath(request.name)
    if (path === undefined) return Promise.resolve({ state: 'missing' })
    return this.#lookup.open(request, this.#basePath + path)
  }

  /** Connections that a request or a response holds; idle ones do not count. */
  get connectionsInUse(): number {
    return this.#client.connectionsInUse
  }

  close(): void {
    this.#client.close()
  }
}

/** Finds objects by GET and HEAD, whoever sends them. */
export class HttpLookup {
  readonly #client: RequestSender

  constructor(client: RequestSender) {
    this.#client = client
  }

  /** The object at a path that may carry a query. */
  open(request: ObjectRequest, target: string): Promise<OpenObject | MissingObject> {
    return request.want === 'body'
      ? this.#openBody(request, target, request.range)
      : this.#openMetadata(request, target, undefined)
  }

  async #openBody(
    request: ObjectRequest,
    target: string,
    range: RangeHint | undefined,
  ): Promise<OpenObject | MissingObject> {
    const { signal } = request
    const response = await this.#client.request({ method: 'GET', target, range, signal })
    try {
      throwIfAborted(signal)
      if (GONE.has(response.head.status)) {
        response.close()
        return { state: 'missing' }
      }
      if (response.head.status === 416 && range) {
        response.close()
        const size = parseUnsatisfiedRange(response.head.contentRange)
        return await this.#openMetadata(request, target, size)
      }
      const body = readBody(response, range)
      if (body.size === undefined && response.head.status === 206) {
        // a range of an object of unknown size says too little to answer with
        response.close()
        return await this.#openBody(request, target, undefined)
      }
      return this.#found(
        request.name,
        target,
        metaFromHead(response.head, request.name, body.size),
        body,
      )
    } catch (error) {
      response.close()
      throw error
    }
  }

  /** `knownSize` comes from an answer that had no other metadata. */
  async #openMetadata(
    request: ObjectRequest,
    target: string,
    knownSize: number | undefined,
  ): Promise<OpenObject | MissingObject> {
    const { name, signal } = request
    let response = await this.#client.request({ method: 'HEAD', target, signal })
    let range: RangeHint | undefined
    if (HEAD_REFUSED.has(response.head.status)) {
      response.close()
      range = FIRST_BYTE
      response = await this.#client.request({ method: 'GET', target, range, signal })
    }
    const { head } = response
    response.close()
    throwIfAborted(signal)
    if (GONE.has(head.status)) return { state: 'missing' }
    // an empty object has no first byte
    const emptySize =
      head.status === 416 && range ? parseUnsatisfiedRange(head.contentRange) : undefined
    const size = emptySize ?? readBody(response, range).size ?? knownSize
    // the other fields of a 416 describe its error page
    const about = emptySize === undefined ? head : { ...head, ...NO_CONTENT_FIELDS }
    return this.#found(name, target, metaFromHead(about, name, size), undefined)
  }

  #found(
    name: string,
    target: string,
    meta: ObjectMeta,
    body: PendingBody | undefined,
  ): OpenObject {
    return new HttpObject(meta, body, async (start, end, signal) => {
      const isWhole = start === 0 && end === (meta.size ?? Infinity)
      const range = isWhole
        ? undefined
        : { first: start, last: end === Infinity ? undefined : end - 1 }
      const ifMatch = isStrongTag(meta.etag) ? meta.etag : undefined
      const response = await this.#client.request({ method: 'GET', target, range, ifMatch, signal })
      try {
        return readSame(response, range, meta, name)
      } catch (error) {
        response.close()
        throw error
      }
    })
  }
}

export type SizedBody = PendingBody & { readonly size: number | undefined }

/** Which bytes a 200 or 206 holds. Throws `GatewayError` for other answers and wrong ranges. */
export function readBody(response: HttpResponse, range: RangeHint | undefined): SizedBody {
  const { status, contentLength, contentRange } = response.head
  if (status === 200) {
    return { response, first: 0, end: contentLength ?? Infinity, size: contentLength }
  }
  if (status !== 206 || !range) {
    throw new GatewayError('ERR_ORIGIN_RESPONSE', `the origin answered ${status}`)
  }
  const answer = contentRange === undefined ? undefined : parseContentRange(contentRange)
  if (!answer || !isAnswerTo(range, answer)) throw malformed('Content-Range')
  const length = answer.last + 1 - answer.first
  if (contentLength !== undefined && contentLength !== length) {
    throw malformed('Content-Length differs from Content-Range')
  }
  return { response, first: answer.first, end: answer.last + 1, size: answer.size }
}

/** The body of a later answer, which must be of the version that `known` describes. */
function readSame(
  response: HttpResponse,
  range: RangeHint | undefined,
  known: ObjectMeta,
  name: string,
): PendingBody {
  const { status } = response.head
  if (status === 412 || status === 416 || GONE.has(status)) throw changed()
  const body = readBody(response, range)
  const { etag, lastModified } = metaFromHead(response.head, name, body.size)
  const isSameSize = body.size === known.size || body.size === undefined || known.size === undefined
  if (!isSameSize || etag !== known.etag || lastModified !== known.lastModified) throw changed()
  // the caller counts with the size that it was told first, or reads to the end if it was told none
  return status === 200 ? { ...body, end: known.size ?? Infinity } : body
}

function changed(): GatewayError {
  return new GatewayError('ERR_ORIGIN_CHANGED', 'the object changed while it was read')
}

function throwIfAborted(signal: Cancellation | undefined): void {
  if (signal?.aborted) throw new GatewayError('ERR_CLIENT_ABORTED', 'the request was given up')
}

function parseBase(url: string): URL {
  const base = URL.parse(url)
  if (!base || (base.protocol !== 'http:' && base.protocol !== 'https:')) {
    throw new TypeError('origin url must be http or https')
  }
  if (base.username || base.password || base.search || base.hash) {
    throw new TypeError('origin url must have no user, query or fragment')
  }
  return base
}
