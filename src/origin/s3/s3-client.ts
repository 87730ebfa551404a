import { type Clock, secondsOf } from '../../base/clock.ts'
import type { ConnectionPool } from '../http/connection-pool.ts'
import type { HttpResponse } from '../http/http-response.ts'
import type { OriginRequest, RequestSender } from '../http/origin-client.ts'
import { requestText } from '../http/request-text.ts'
import type { S3Credentials, S3CredentialSource } from './s3-credentials.ts'
import { failureOf, readS3Error } from './s3-failure.ts'
import type { S3Signer } from './s3-signer.ts'

/** What is no error of the store, or is one that says no more than its status. */
const PLAIN = new Set([200, 206, 404, 410, 412, 416])
/** Answers to HEAD, which have no body, that the same question as a GET explains. */
const UNEXPLAINED = new Set([400, 403, 405, 501])
const CREDENTIALS_OVER = new Set(['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired'])

export interface S3ClientParts {
  readonly pool: ConnectionPool
  /** The fields of every request, as text. */
  readonly fields: string
  readonly signer: S3Signer
  readonly credentials: S3CredentialSource
  readonly clock: Clock
}

/** Sends signed requests to a bucket and says in plain words what the store says in XML. */
export class S3Client implements RequestSender {
  readonly #parts: S3ClientParts
  /** An answer has shown that the bucket is there. */
  #isBucketKnown = false

  constructor(parts: S3ClientParts) {
    this.#parts = parts
  }

  async request(request: OriginRequest): Promise<HttpResponse> {
    const { credentials } = this.#parts
    const held = credentials.get()
    const own = 'then' in held ? await held : held
    const response = await this.#send(request, own)
    const { status } = response.head
    const isHead = request.method === 'HEAD'
    if (status === 404 && isHead && !this.#isBucketKnown) await this.#findBucket(request)
    if ((PLAIN.has(status) && (status !== 404 || isHead)) || (isHead && UNEXPLAINED.has(status))) {
      this.#isBucketKnown ||= PLAIN.has(status)
      return response
    }
    const error = await readS3Error(response)
    // a bucket that is not there is a mistake of the configuration, a key that is not there is none
    if (status === 404 && error.code !== 'NoSuchBucket') return response
    const renewing = CREDENTIALS_OVER.has(error.code ?? '') && credentials.renew(own)
    if (!renewing) throw failureOf(error)
    const second = await this.#send(request, await renewing)
    if (PLAIN.has(second.head.status)) return second
    throw failureOf(await readS3Error(second))
  }

  /** Fails when there is no bucket, which a HEAD cannot tell from a key that is not there. */
  async #findBucket({ target, signal }: OriginRequest): Promise<void> {
    const range = { first: 0, last: 0 }
    const response = await this.request({ method: 'GET', target, range, signal })
    response.close()
  }

  #send(
    { method, target, signal, ...conditions }: OriginRequest,
    own: S3Credentials,
  ): Promise<HttpResponse> {
    const { pool, fields, signer, clock } = this.#parts
    const signed = signer.fields(method, target, own, secondsOf(clock))
    const text = requestText(method, target, fields + signed, conditions)
    return pool.request({ text, isHead: method === 'HEAD', signal })
  }
}
