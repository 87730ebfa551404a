import type { ByteSink } from '../../base/byte-sink.ts'
import { GatewayError } from '../../base/failure.ts'
import type { HttpResponse } from '../http/http-response.ts'

/** More than the errors of any store; what lies beyond is not read. */
const MAX_ERROR_BYTES = 16 * 1024

const WRONG_REGION = new Set([
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
  'IncorrectEndpoint',
  'PermanentRedirect',
  'TemporaryRedirect',
])

/** What an operator does about an error. */
const REMEDIES: Readonly<Record<string, string>> = {
  AccessDenied:
    'the key may not read this object, or it is missing and the key may not list the bucket',
  AllAccessDisabled: 'the store has closed this bucket',
  ExpiredToken: 'the session of the credentials is over',
  InvalidAccessKeyId: 'the store does not know the accessKeyId',
  InvalidObjectState: 'the object lies in an archive and must be restored first',
  InvalidToken: 'the sessionToken is wrong',
  NoSuchBucket: 'there is no such bucket',
  RequestTimeTooSkewed: 'the clocks of the store and of this machine lie too far apart',
  SignatureDoesNotMatch: 'the secretAccessKey is wrong',
}

/** What a store said instead of sending an object. */
export interface S3Error {
  readonly status: number
  /** As `NoSuchKey`; undefined when the answer had none. */
  readonly code: string | undefined
  /** Where the bucket lies, if the answer says so. */
  readonly region: string | undefined
}

/** Reads the error of an answer to its end and closes it. */
export async function readS3Error(response: HttpResponse): Promise<S3Error> {
  const { status, bucketRegion } = response.head
  const text = await readText(response)
  response.close()
  return {
    status,
    code: /<Code>\s*([A-Za-z0-9.]{1,64})\s*<\/Code>/.exec(text)?.[1],
    region: regionName(bucketRegion ?? /<Region>([^<]*)<\/Region>/.exec(text)?.[1]),
  }
}

/** The failure that an error stands for. Nothing of the request or of the store's own words is in it. */
export function failureOf({ status, code, region }: S3Error): GatewayError {
  const isRedirect = status >= 300 && status < 400
  const name = code === undefined ? '' : ` ${code}`
  return new GatewayError(
    isRedirect ? 'ERR_ORIGIN_REDIRECT' : 'ERR_ORIGIN_RESPONSE',
    `the origin answered ${status}${name}${remedy(isRedirect, code, region)}`,
  )
}

function remedy(isRedirect: boolean, code: string | undefined, region: string | undefined): string {
  if (isRedirect || WRONG_REGION.has(code ?? '')) {
    return region === undefined
      ? ': the bucket has another region or endpoint'
      : `: the bucket has the region ${region}`
  }
  const what = code !== undefined && Object.hasOwn(REMEDIES, code) ? REMEDIES[code] : undefined
  return what === undefined ? '' : `: ${what}`
}

function regionName(text: string | undefined): string | undefined {
  return text !== undefined && /^[A-Za-z0-9-]{1,40}$/.test(text) ? text : undefined
}

/** The beginning of a body; what arrived when it breaks off is all there is. */
function readText(response: HttpResponse): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const finish = (): void => {
      resolve(Buffer.concat(chunks).toString())
    }
    const sink: ByteSink = {
      write(chunk) {
        // its memory is used again
        chunks.push(Buffer.from(chunk))
        return true
      },
      end: finish,
      fail: finish,
    }
    response.send(0, Math.min(response.head.contentLength ?? Infinity, MAX_ERROR_BYTES), sink)
  })
}
