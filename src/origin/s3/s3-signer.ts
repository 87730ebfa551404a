import aws4 from 'aws4'
import { basicTime } from '../../base/basic-time.ts'
import type { EpochSeconds } from '../../base/clock.ts'
import type { PresignRequest } from '../presign.ts'
import type { S3Credentials } from './s3-credentials.ts'

/** SHA-256 of the body of a GET or HEAD: there is none. */
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** S3 takes no link that lives longer. */
const MAX_LINK_SECONDS = 604_800

/** What is signed of each request to one bucket. */
export interface S3Scope {
  /** As in the Host field. */
  readonly host: string
  readonly region: string
}

/** Signs requests and links with version 4 of the signature of AWS. */
export class S3Signer {
  readonly #scope: S3Scope
  #second = -1
  #timestamp = ''

  constructor(scope: S3Scope) {
    this.#scope = scope
  }

  /** The fields, line by line, that make a request one of the credentials' owner. Its range is not signed. */
  fields(
    method: 'GET' | 'HEAD',
    target: string,
    credentials: S3Credentials,
    now: EpochSeconds,
  ): string {
    const { headers = {} } = this.#sign(method, target, credentials, {
      'X-Amz-Content-Sha256': EMPTY_SHA256,
      'X-Amz-Date': this.#timestampOf(now),
    })
    let lines = ''
    for (const name in headers) {
      // written by whoever writes the request
      if (name !== 'Host') lines += `${name}: ${String(headers[name])}\r\n`
    }
    return lines
  }

  /** Path and query of a link that opens the object at `path`. */
  link(
    path: string,
    { method, now, expiresAt, response = {} }: Omit<PresignRequest, 'name'>,
    credentials: S3Credentials,
  ): string {
    const parameters: Record<string, string | undefined> = {
      'X-Amz-Date': this.#timestampOf(now),
      'X-Amz-Expires': String(Math.min(expiresAt - now, MAX_LINK_SECONDS)),
      'response-content-disposition': response.contentDisposition,
      'response-content-type': response.contentType,
    }
    const query = Object.entries(parameters)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${encodeURIComponent(value ?? '')}`)
    return this.#sign(method, `${path}?${query.join('&')}`, credentials, undefined).path ?? ''
  }

  /** Without headers, the query is signed. */
  #sign(
    method: 'GET' | 'HEAD',
    path: string,
    { accessKeyId, secretAccessKey, sessionToken }: S3Credentials,
    headers: Record<string, string> | undefined,
  ): aws4.Request {
    return aws4.sign(
      {
        service: 's3',
        ...this.#scope,
        method,
        path,
        ...(headers ? { headers } : { signQuery: true }),
      },
      { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
    )
  }

  #timestampOf(now: EpochSeconds): string {
    if (now !== this.#second) {
      this.#second = now
      this.#timestamp = basicTime(now)
    }
    return this.#timestamp
  }
}
