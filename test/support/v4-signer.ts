import { createHmac, hash, type KeyObject, sign } from 'node:crypto'

/** What a link of version 4 is made of; each part may be wrong. */
export interface V4Parts {
  readonly prefix: 'X-Amz-' | 'X-Goog-'
  readonly keyId: string
  readonly method?: string
  /** As in the URL. */
  readonly path?: string
  readonly host?: string
  /** Signed headers besides host, values as they are signed. */
  readonly headers?: Readonly<Record<string, string>>
  /** Takes the place of what the other parts say; undefined leaves a parameter out. */
  readonly fields?: Readonly<Record<string, string | undefined>>
  /** Raw pairs of the query and what they are in the canonical query. */
  readonly more?: readonly (readonly [raw: string, canonical: string])[]
  readonly payloadHash?: string
}

/** 2027-01-15T08:00:00Z, where the fake clock stands. */
export const TIMESTAMP = '20270115T080000Z'

/** A target signed by the documented formula: what is wrong in it is signed as well. */
export function signV4(parts: V4Parts, key: string | KeyObject): string {
  const { prefix, keyId, method = 'GET', path = '/files/a.mp4', host = 'cdn.example' } = parts
  const { headers = {}, more = [], payloadHash = 'UNSIGNED-PAYLOAD' } = parts
  const [vendor, scope] =
    prefix === 'X-Amz-'
      ? ['AWS4', '20270115/eu-central-1/s3/aws4_request']
      : ['GOOG4', '20270115/auto/storage/goog4_request']
  const all = { host, ...headers }
  const names = Object.keys(all).sort()
  const fields: Record<string, string | undefined> = {
    Algorithm: `${vendor}-${typeof key === 'string' ? 'HMAC' : 'RSA'}-SHA256`,
    Credential: `${keyId}/${scope}`,
    Date: TIMESTAMP,
    Expires: '3600',
    SignedHeaders: names.join(';'),
    ...parts.fields,
  }
  const pairs = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${prefix}${name}=${encodeURIComponent(value)}`],
  )
  const canonicalQuery = [...pairs, ...more.map(([, canonical]) => canonical)].sort().join('&')
  const canonical = [
    method,
    path,
    canonicalQuery,
    ...names.map((name) => `${name}:${all[name as keyof typeof all]}`),
    '',
    fields['SignedHeaders'] ?? '',
    payloadHash,
  ].join('\n')
  const [, ...place] = (fields['Credential'] ?? '').split('/')
  const text = [
    fields['Algorithm'],
    fields['Date'],
    place.join('/'),
    hash('sha256', canonical, 'hex'),
  ].join('\n')
  const signature =
    typeof key === 'string'
      ? [...place, text].reduce(
          (secret, part) => createHmac('sha256', secret).update(part).digest(),
          Buffer.from(vendor + key),
        )
      : sign('sha256', Buffer.from(text), key)
  const query = [...pairs, ...more.map(([raw]) => raw)].join('&')
  return `${path}?${query}&${prefix}Signature=${signature.toString('hex')}`
}
