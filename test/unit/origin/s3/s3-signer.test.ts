import { readFileSync } from 'node:fs'
import aws4 from 'aws4'
import { describe, expect, it } from 'vitest'
import { S3Signer } from '../../../../src/origin/s3/s3-signer.ts'

interface Published {
  readonly suite: Credentials & {
    readonly service: string
    readonly region: string
    readonly host: string
    readonly timestamp: string
    readonly cases: readonly {
      readonly name: string
      readonly method: string
      readonly path: string
      readonly headers: Readonly<Record<string, string>>
      readonly signature: string
    }[]
  }
  readonly s3: Credentials & {
    readonly region: string
    readonly host: string
    readonly now: number
    readonly requests: readonly {
      readonly name: string
      readonly target: string
      readonly signature: string
    }[]
    readonly link: { readonly path: string; readonly lifetime: number; readonly signature: string }
  }
}

interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

const file = new URL('../../../vectors/requests/aws-sigv4.json', import.meta.url)
const { suite, s3 } = JSON.parse(readFileSync(file, 'utf8')) as Published

describe("the signatures of Amazon's test suite", () => {
  it.each(suite.cases.map((entry) => [entry.name, entry] as const))('%s', (_name, entry) => {
    const { service, region, host, timestamp } = suite
    const { headers = {} } = aws4.sign(
      {
        service,
        region,
        host,
        method: entry.method,
        path: entry.path,
        doNotEncodePath: true,
        headers: { 'X-Amz-Date': timestamp, ...entry.headers },
      },
      suite,
    )
    expect(String(headers['Authorization'])).toMatch(new RegExp(`Signature=${entry.signature}$`))
  })
})

describe("the signatures of Amazon's examples for S3", () => {
  const signer = new S3Signer(s3)

  it.each(s3.requests.map((entry) => [entry.name, entry] as const))('%s', (_name, entry) => {
    const fields = signer.fields('GET', entry.target, s3, s3.now)
    expect(fields).toMatch(new RegExp(`\r\nAuthorization: [^\r]*=${entry.signature}\r\n$`))
    expect(fields).toContain(', SignedHeaders=host;x-amz-content-sha256;x-amz-date, ')
  })

  it('a link in the query', () => {
    const { path, lifetime, signature } = s3.link
    const terms = { method: 'GET', now: s3.now, expiresAt: s3.now + lifetime } as const
    const link = signer.link(path, terms, s3)
    expect(new URLSearchParams(link.split('?')[1]).get('X-Amz-Signature')).toBe(signature)
    expect(link).toMatch(/^\/test\.txt\?/)
  })
})

describe('S3Signer', () => {
  const signer = new S3Signer(s3)
  const terms = { method: 'GET', now: s3.now, expiresAt: s3.now + 60 } as const

  it('names host and date to be signed, and no range', () => {
    expect(signer.fields('HEAD', '/a', s3, s3.now)).not.toMatch(/range/i)
  })

  it('sends the token of a session, signed', () => {
    const fields = signer.fields('GET', '/a', { ...s3, sessionToken: 'a+b/c==' }, s3.now)
    expect(fields).toContain('\r\nX-Amz-Security-Token: a+b/c==\r\n')
    expect(fields).toContain(';x-amz-security-token, ')
    const link = signer.link('/a', terms, { ...s3, sessionToken: 'a+b/c==' })
    expect(link).toContain('&X-Amz-Security-Token=a%2Bb%2Fc%3D%3D&')
  })

  it('lets no link live longer than a week', () => {
    expect(signer.link('/a', { ...terms, expiresAt: s3.now + 1_000_000 }, s3)).toContain(
      '&X-Amz-Expires=604800&',
    )
  })

  it('signs another method, second or field of the answer differently', () => {
    const links = [
      signer.link('/a', terms, s3),
      signer.link('/a', { ...terms, method: 'HEAD' }, s3),
      signer.link('/a', { ...terms, now: s3.now + 1 }, s3),
      signer.link('/a', { ...terms, response: { contentType: 'video/mp4' } }, s3),
    ]
    const signatures = links.map((link) => /X-Amz-Signature=(\w{64})/.exec(link)?.[1])
    expect(new Set(signatures).size).toBe(links.length)
  })
})
