import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3'
import aws4 from 'aws4'
import { describe, expect, it } from 'vitest'
import { encodeS3Key, s3Address } from '../../src/origin/s3/s3-address.ts'
import { S3Signer } from '../../src/origin/s3/s3-signer.ts'

const CREDENTIALS = {
  accessKeyId: 'AKIATHROWAWAY0000001',
  secretAccessKey: 'not/a+real-secret-access-key',
}
const NAMES = [
  'film.mp4',
  'folder/with space/film two.mp4',
  'ünï/日本語 🎬.mp4',
  'odd/a+b&c=d;e,f\'(1)*!~@$:[]{}|^`"<>.txt',
  'percent%20literal%.txt',
  'question?hash#back\\slash',
]
const PLACES = [
  { region: 'eu-central-1', bucket: 'media' },
  { region: 'eu-central-1', bucket: 'media.example.com' },
  { region: 'auto', bucket: 'media', endpoint: 'https://0a1b.r2.cloudflarestorage.com' },
  { region: 'us-east-1', bucket: 'media', endpoint: 'http://127.0.0.1:9000' },
]

interface SignedRequest {
  readonly method: string
  readonly hostname: string
  readonly port?: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

/** The request that Amazon's own client would send. */
async function sdkRequest(
  { region, endpoint, bucket }: (typeof PLACES)[number],
  method: 'GET' | 'HEAD',
  key: string,
): Promise<SignedRequest> {
  const client = new S3Client({
    region,
    credentials: { ...CREDENTIALS },
    maxAttempts: 1,
    // the default of other clients: without a host that holds the bucket
    forcePathStyle: endpoint !== undefined,
    ...(endpoint !== undefined && { endpoint }),
  })
  let sent: SignedRequest | undefined
  client.middlewareStack.add(
    () => (args) => {
      sent = args.request as SignedRequest
      return Promise.reject(new Error('seen'))
    },
    { step: 'deserialize', priority: 'low' },
  )
  const Command = method === 'GET' ? GetObjectCommand : HeadObjectCommand
  await client.send(new Command({ Bucket: bucket, Key: key })).catch(() => undefined)
  if (!sent) throw new Error('nothing was sent')
  return sent
}

function signatureOf(fields: string | undefined): string {
  return /Signature=(\w{64})/.exec(fields ?? '')?.[1] ?? 'none'
}

describe.each(PLACES)('requests to $bucket in $region at $endpoint', (place) => {
  const { base, path } = s3Address(place)

  it.each(NAMES)("have host, path and signature of Amazon's own client: %s", async (name) => {
    for (const method of ['GET', 'HEAD'] as const) {
      const theirs = await sdkRequest(place, method, name)
      const target = path + (encodeS3Key(name) ?? '')
      expect([theirs.headers['host'], theirs.path]).toEqual([base.host, target])

      // the fields that their client signs and ours does not send
      const again = new Set(
        /SignedHeaders=([^,]*)/.exec(theirs.headers['authorization'] ?? '')?.[1]?.split(';'),
      )
      const headers = Object.fromEntries(
        Object.entries(theirs.headers).filter(([field]) => again.has(field)),
      )
      const query = method === 'GET' ? '?x-id=GetObject' : ''
      const ours = aws4.sign(
        {
          service: 's3',
          region: place.region,
          host: base.host,
          method,
          path: target + query,
          headers,
        },
        CREDENTIALS,
      )
      expect(signatureOf(String(ours.headers?.['Authorization']))).toBe(
        signatureOf(theirs.headers['authorization']),
      )
    }
  })

  it('are signed for the host that they are sent to', () => {
    const now = 1_700_000_000
    const signed = [base.host, 'other.example'].map((host) =>
      signatureOf(
        new S3Signer({ host, region: place.region }).fields('GET', path, CREDENTIALS, now),
      ),
    )
    expect(signed[0]).not.toBe(signed[1])
  })
})
