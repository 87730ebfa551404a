import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { getSignedCookies, getSignedUrl } from '@aws-sdk/cloudfront-signer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const CONTENT = 'the bytes of the film'

const PAIRS = {
  KRSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  KEC: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
} satisfies Record<string, { publicKey: KeyObject; privateKey: KeyObject }>

const STRANGER = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** The gateway has what CloudFront has of a key pair: its public half. */
const KEYS = Object.entries(PAIRS).map(([kid, { publicKey }]) => ({
  ...publicKey.export({ format: 'jwk' }),
  kid,
  alg: kid === 'KEC' ? 'ES256' : 'RS256',
  schemes: ['cloudfront-url', 'cloudfront-cookie'],
}))

function pem(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }) as string
}

describe('links of @aws-sdk/cloudfront-signer', () => {
  let test: TestGateway
  const soon = (): Date => new Date(Date.now() + 60_000)
  const past = (): Date => new Date(Date.now() - 60_000)

  beforeAll(async () => {
    test = await startTestGateway({
      files: { 'a b.mp4': CONTENT, 'show/1.ts': CONTENT },
      keys: KEYS,
      routes: [
        { path: '/files/', origin: 'library', schemes: ['cloudfront-url', 'cloudfront-cookie'] },
      ],
    })
  })

  afterAll(() => test.close())

  const fetched = async (url: string, cookies: object = {}): Promise<string> => {
    const cookie = Object.entries(cookies)
      .map(([name, value]) => `${name}=${value}`)
      .join('; ')
    const response = await fetch(url, { headers: cookie === '' ? {} : { cookie } })
    const body = await response.text()
    return response.ok ? body : (JSON.parse(body) as { code: string }).code
  }

  describe.each(['KRSA', 'KEC'] as const)('with the key %s', (keyPairId) => {
    describe.each(['SHA1', 'SHA256'] as const)('and %s', (algorithm) => {
      const signer = { keyPairId, privateKey: pem(PAIRS[keyPairId].privateKey), algorithm }

      it('a canned policy opens its URL alone', async () => {
        const url = getSignedUrl({
          ...signer,
          url: `${test.url}/files/a b.mp4?size=large`,
          dateLessThan: soon(),
        })
        expect(url).toContain('Expires=')
        expect(await fetched(url)).toBe(CONTENT)
        expect(await fetched(url.replace('size=large', 'size=small'))).toBe('link_invalid')
        expect(await fetched(url.replace('a%20b.mp4', 'show/1.ts'))).toBe('link_invalid')
      })

      it('a custom policy says when, from where and what', async () => {
        const link = (ipAddress: string, dateGreaterThan: Date): string =>
          getSignedUrl({
            ...signer,
            url: `${test.url}/files/show/1.ts`,
            dateLessThan: soon(),
            dateGreaterThan,
            ipAddress,
          })
        expect(await fetched(link('127.0.0.0/8', past()))).toBe(CONTENT)
        expect(await fetched(link('192.0.2.1', past()))).toBe('address_not_allowed')
        expect(await fetched(link('127.0.0.0/8', new Date(Date.now() + 600_000)))).toBe(
          'link_not_yet_valid',
        )
      })

      it('a policy with a wildcard opens a folder, by URL and by cookie', async () => {
        const policy = JSON.stringify({
          Statement: [
            {
              Resource: `http*://${test.host}:${test.port}/files/show/*`,
              Condition: {
                DateLessThan: { 'AWS:EpochTime': Math.floor(soon().getTime() / 1000) },
              },
            },
          ],
        })
        const url = `${test.url}/files/show/1.ts`
        const signedUrl = getSignedUrl({ ...signer, url, policy })
        expect(await fetched(signedUrl)).toBe(CONTENT)
        expect(await fetched(signedUrl.replace('show/1.ts', 'a%20b.mp4'))).toBe('link_invalid')
        const cookies = getSignedCookies({ ...signer, policy })
        expect(await fetched(url, cookies)).toBe(CONTENT)
        expect(await fetched(`${test.url}/files/a%20b.mp4`, cookies)).toBe('link_invalid')
        expect(await fetched(signedUrl, cookies)).toBe('link_invalid')
      })

      it('cookies of a canned policy open one URL', async () => {
        const url = `${test.url}/files/show/1.ts`
        const cookies = getSignedCookies({ ...signer, url, dateLessThan: soon() })
        expect(await fetched(url, cookies)).toBe(CONTENT)
        expect(await fetched(`${url}?x=1`, cookies)).toBe('link_invalid')
      })

      it('an expired link and one of a foreign key are refused', async () => {
        const url = `${test.url}/files/show/1.ts`
        expect(await fetched(getSignedUrl({ ...signer, url, dateLessThan: past() }))).toBe(
          'link_expired',
        )
        const foreign = { ...signer, privateKey: pem(STRANGER.privateKey) }
        expect(await fetched(getSignedUrl({ ...foreign, url, dateLessThan: soon() }))).toBe(
          'link_invalid',
        )
      })
    })
  })
})
