import { type Clock, systemClock } from '../base/clock.ts'
import { ConnectionPool } from './http/connection-pool.ts'
import { endpointOf } from './http/origin-client.ts'
import { fixedFields } from './http/request-text.ts'
import { HttpLookup } from './http-origin.ts'
import type { MissingObject, ObjectRequest, OpenObject, Origin } from './origin.ts'
import type { Presigner, PresignRequest } from './presign.ts'
import { encodeS3Key, s3Address, type S3Place } from './s3/s3-address.ts'
import { S3Client } from './s3/s3-client.ts'
import {
  awsProvider,
  FixedCredentials,
  ProvidedCredentials,
  type S3Credentials,
  type S3CredentialSource,
} from './s3/s3-credentials.ts'
import { S3Signer } from './s3/s3-signer.ts'

export interface S3OriginOptions extends S3Place {
  /** What keys begin with before the name: empty, or a folder with a slash at its end. */
  readonly prefix: string
  /** Undefined: from where the tools of AWS take theirs. */
  readonly credentials: S3Credentials | undefined
  /** For each of: connecting, waiting for a response head, silence in a body. May be a fraction. */
  readonly timeoutSeconds: number
  /** Trust anchors in PEM in place of the well-known ones. */
  readonly ca?: string | Buffer | undefined
  readonly clock?: Clock
}

/** Objects of a bucket of Amazon S3, or of a store that speaks its API. */
export class S3Origin implements Origin, Presigner {
  readonly kind = 's3'
  readonly presigner = this
  readonly #origin: string
  readonly #path: string
  readonly #prefix: string
  readonly #pool: ConnectionPool
  readonly #signer: S3Signer
  readonly #credentials: S3CredentialSource
  readonly #lookup: HttpLookup

  /** Throws `TypeError` for options that cannot work. */
  constructor(options: S3OriginOptions) {
    const { prefix, region, timeoutSeconds, ca, clock = systemClock } = options
    if (!(timeoutSeconds > 0)) throw new TypeError('origin timeoutSeconds must be positive')
    const { base, path } = s3Address(options)
    this.#origin = base.origin
    this.#path = path
    this.#prefix = prefix
    this.#pool = new ConnectionPool({ ...endpointOf(base), ca, mayUse: undefined }, timeoutSeconds)
    this.#signer = new S3Signer({ host: base.host, region })
    this.#credentials = options.credentials
      ? new FixedCredentials(options.credentials)
      : new ProvidedCredentials(awsProvider(), clock)
    this.#lookup = new HttpLookup(
      new S3Client({
        pool: this.#pool,
        fields: fixedFields(base.host, {}),
        signer: this.#signer,
        credentials: this.#credentials,
        clock,
      }),
    )
  }

  async open(request: ObjectRequest): Promise<OpenObject | MissingObject> {
    const target = this.#targetOf(request.name)
    return target === undefined ? { state: 'missing' } : this.#lookup.open(request, target)
  }

  async presign({ name, ...terms }: PresignRequest): Promise<string | undefined> {
    const target = this.#targetOf(name)
    if (target === undefined) return undefined
    return this.#origin + this.#signer.link(target, terms, await this.#credentials.get())
  }

  /** Connections that a request or a response holds; idle ones do not count. */
  get connectionsInUse(): number {
    return this.#pool.inUse
  }

  close(): void {
    this.#pool.close()
  }

  #targetOf(name: string): string | undefined {
    // the name itself must not lead out of the prefix
    const key = encodeS3Key(name) === undefined ? undefined : encodeS3Key(this.#prefix + name)
    return key === undefined ? undefined : this.#path + key
  }
}
