import { isIP } from 'node:net'
import { isLookupName } from '../object-name.ts'

/** Where a bucket lies, as it is configured. */
export interface S3Place {
  /** `http:` or `https:`; without one, the region's endpoint of AWS. */
  readonly endpoint?: string | undefined
  readonly region: string
  readonly bucket: string
  /** Default: AWS gets the bucket in the host, others in the path. */
  readonly forcePathStyle?: boolean | undefined
}

export interface S3Address {
  readonly base: URL
  /** What keys are written behind: ends in a slash. */
  readonly path: string
}

const AWS_HOST = /(?:^|\.)amazonaws\.com(?:\.cn)?$/

/** The host and path of a bucket. Throws `TypeError` for an endpoint that none can have. */
export function s3Address({ endpoint, region, bucket, forcePathStyle }: S3Place): S3Address {
  const base = endpoint === undefined ? awsEndpoint(region) : URL.parse(endpoint)
  if (!base || (base.protocol !== 'http:' && base.protocol !== 'https:')) {
    throw new TypeError('the endpoint of a bucket must be http or https')
  }
  const isPathStyle =
    forcePathStyle ??
    // a certificate for *.s3.… covers one label, and only names have one in front
    (!AWS_HOST.test(base.hostname) || bucket.includes('.'))
  const folder = base.pathname.replace(/\/+$/, '')
  if (isPathStyle) return { base, path: `${folder}/${encodeKey(bucket)}/` }
  if (isIP(base.hostname.replace(/^\[|\]$/g, '')) !== 0) {
    throw new TypeError('a bucket cannot stand in front of an address: use forcePathStyle')
  }
  const own = URL.parse(`${base.protocol}//${bucket}.${base.host}`)
  if (!own) throw new TypeError('the bucket cannot stand in a host: use forcePathStyle')
  return { base: own, path: `${folder}/` }
}

function awsEndpoint(region: string): URL {
  return new URL(`https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`)
}

/**
 * A key as it stands in a path, each byte but the unreserved ones encoded once: a store reads what was
 * signed, and a plus sign or an apostrophe has one form only. Undefined for what no path can carry.
 */
export function encodeS3Key(key: string): string | undefined {
  return isLookupName(key) && key.isWellFormed() ? encodeKey(key) : undefined
}

function encodeKey(key: string): string {
  return key
    .split('/')
    .map((segment) =>
      encodeURIComponent(segment).replace(
        /[!'()*]/g,
        (octet) => `%${octet.charCodeAt(0).toString(16).toUpperCase()}`,
      ),
    )
    .join('/')
}
