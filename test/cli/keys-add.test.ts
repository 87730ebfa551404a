import { generateKeyPairSync } from 'node:crypto'
import { statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { cliFolder } from '../support/cli-folder.ts'

const PKCS8 = { type: 'pkcs8', format: 'pem' } as const
const SPKI = { type: 'spki', format: 'pem' } as const
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** The bytes of a secret that was added. */
function secretIn(text: string): string {
  return Buffer.from((JSON.parse(text) as { k: string }).k, 'base64url').toString('latin1')
}

describe('sluice keys add', () => {
  test("writes a vendor's secret as a JWK that only its user may read", async () => {
    const folder = cliFolder()
    const args = ['keys', 'add', '--scheme', 'keycdn', '--kid', 'zone-1']
    const { status, stdout } = await folder.run(args, { input: 'vendor-secret\n' })
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `zone-1  ${folder.directory}/keys/keycdn-zone-1.json\n`,
    })
    const text = folder.read('keys/keycdn-zone-1.json')
    expect(JSON.parse(text)).toMatchObject({ kty: 'oct', kid: 'zone-1', schemes: ['keycdn'] })
    expect(secretIn(text)).toBe('vendor-secret')
    expect(statSync(`${folder.directory}/keys/keycdn-zone-1.json`).mode & 0o777).toBe(0o600)
  })

  test.each([
    ['utf8', 'ab cd', 'ab cd'],
    ['utf8', 'two\nlines\r\n', 'two\nlines'],
    ['hex', '6162FF\n', 'ab\xff'],
    ['base64', 'YWL/', 'ab\xff'],
    ['base64', 'YQ==', 'a'],
    ['base64url', 'YWL_', 'ab\xff'],
  ])('reads a secret in %s: %j', async (encoding, input, bytes) => {
    const folder = cliFolder()
    const args = ['keys', 'add', '--scheme', 'keycdn', '--kid', 'z', '--encoding', encoding]
    expect((await folder.run(args, { input })).status).toBe(0)
    expect(secretIn(folder.read('keys/keycdn-z.json'))).toBe(bytes)
  })

  test.each([
    ['no hex', ['--encoding', 'hex'], '616'],
    ['no base64', ['--encoding', 'base64'], 'YWL_'],
    ['an empty one', [], '\n'],
    ['no text', [], Buffer.from([0xff, 0xfe, 0x41])],
  ])('refuses %s, and does not print it', async (_what, flags, input) => {
    const args = ['keys', 'add', '--scheme', 'keycdn', '--kid', 'z', ...flags]
    const { status, stdout, stderr } = await cliFolder().run(args, { input })
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(/^standard input holds no secret in /)
  })

  test('takes the private half of a PEM file, for the algorithm of the format', async () => {
    const folder = cliFolder()
    const pem = folder.write('private.pem', rsa.privateKey.export(PKCS8).toString())
    const args = ['keys', 'add', '--scheme', 'cloudfront-url', '--kid', 'K2JCJMDEHXQW5F']
    const { status } = await folder.run([...args, '--pem', pem])
    expect(status).toBe(0)
    const jwk = JSON.parse(folder.read('keys/cloudfront-url-K2JCJMDEHXQW5F.json')) as object
    expect(jwk).toMatchObject({ kty: 'RSA', d: expect.any(String) as string })
    const listed = JSON.parse((await folder.run(['keys', 'list', '--json'])).stdout) as object[]
    expect(listed).toContainEqual(expect.objectContaining({ kid: 'K2JCJMDEHXQW5F', maySign: true }))
  })

  test('takes a public half, which signs nothing', async () => {
    const folder = cliFolder()
    const pem = folder.write('public.pem', rsa.publicKey.export(SPKI).toString())
    const args = ['keys', 'add', '--scheme', 'sluice-jwt', '--kid', 'shop', '--pem', pem]
    expect((await folder.run(args)).status).toBe(0)
    const listed = JSON.parse((await folder.run(['keys', 'list', '--json'])).stdout) as object[]
    expect(listed).toContainEqual(
      expect.objectContaining({ kid: 'shop', alg: 'RS256', maySign: false }),
    )
  })

  test('chooses the algorithm by the curve, or takes the one that is named', async () => {
    const folder = cliFolder()
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const curve = folder.write('ec.pem', privateKey.export(PKCS8).toString())
    const args = ['keys', 'add', '--scheme', 'sluice-jwt']
    await folder.run([...args, '--kid', 'ec', '--pem', curve])
    expect(JSON.parse(folder.read('keys/jwt-ec.json'))).toMatchObject({ alg: 'ES384' })
    const pem = folder.write('rsa.pem', rsa.privateKey.export(PKCS8).toString())
    await folder.run([...args, '--kid', 'ps', '--alg', 'PS512', '--pem', pem])
    expect(JSON.parse(folder.read('keys/jwt-ps.json'))).toMatchObject({ alg: 'PS512' })
  })

  test.each([
    ['a file that is not there', ['--pem', 'none.pem'], /^--pem: ENOENT/],
    ['a file without a key', ['--pem', 'config/gateway.yaml'], /^--pem: .* holds no key/],
    ['an unknown encoding', ['--encoding', 'rot13'], /^--encoding: expected one of utf8, hex/],
    ['an unknown format', ['--scheme', 'ftp'], /^--scheme: /],
    ['a wrong kid', ['--kid', 'a b'], /^--kid: /],
    [
      'an algorithm that does not fit',
      ['--alg', 'RS256'],
      /RS256 needs a key of kty RSA|keycdn needs/,
    ],
    ['a kid that there is', ['--kid', 'hmac-1'], /there is a key with the kid hmac-1 already/],
  ])('refuses %s', async (_what, flags, message) => {
    const args = ['keys', 'add', '--scheme', 'keycdn', '--kid', 'z', ...flags]
    const { status, stderr } = await cliFolder().run(args, { input: 'secret' })
    expect(status).toBe(2)
    expect(stderr).toMatch(message)
  })

  test('refuses a key of a kind that the format does not use', async () => {
    const folder = cliFolder()
    const pem = folder.write('rsa.pem', rsa.privateKey.export(PKCS8).toString())
    const args = ['keys', 'add', '--scheme', 'keycdn', '--kid', 'z', '--pem', pem]
    const { status, stderr } = await folder.run(args)
    expect(status).toBe(2)
    expect(stderr).toContain('--scheme: keycdn cannot use a key of kty RSA')
  })
})

describe('sluice keys new of a foreign format', () => {
  test('makes a key of its first algorithm, with a secret of text', async () => {
    const folder = cliFolder()
    const args = ['keys', 'new', '--scheme', 'keycdn', '--kid', 'z']
    expect((await folder.run(args)).status).toBe(0)
    const text = folder.read('keys/keycdn-z.json')
    expect(JSON.parse(text)).toMatchObject({ alg: 'MD5' })
    expect(secretIn(text)).toMatch(/^[\w-]{32}$/)
  })
})

describe('sluice sign of a foreign format', () => {
  test('prints the URL, and below it what a client sends beside it', async () => {
    const folder = cliFolder()
    const config = JSON.parse(folder.read('config/gateway.yaml')) as {
      routes: { schemes: unknown[] }[]
    }
    config.routes[0]!.schemes = ['sluice-hmac', 'keycdn', 'cloudfront-cookie']
    folder.write('config/gateway.yaml', config)
    await folder.run(['keys', 'new', '--scheme', 'keycdn'])
    await folder.run(['keys', 'new', '--scheme', 'cloudfront-cookie'])
    const plain = await folder.run(['sign', '/files/demo.mp4', '--scheme', 'keycdn'])
    expect(plain.stdout).toMatch(/^http\S+\?\S+\n$/)
    const { stdout } = await folder.run([
      'sign',
      '/files/demo.mp4',
      '--scheme',
      'cloudfront-cookie',
    ])
    const [url = '', cookie = '', end] = stdout.split('\n')
    expect(url).toMatch(/\/files\/demo\.mp4$/)
    expect(cookie).toMatch(/^Cookie: CloudFront-[^=]+=.*; CloudFront-/)
    expect(end).toBe('')
    const inspected = await folder.run(['inspect', url, '--header', cookie, '--as-ip', '192.0.2.1'])
    expect(inspected.stdout).toMatch(/^permit/)
    expect(inspected.status).toBe(0)
  })
})
