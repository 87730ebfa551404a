import { statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { cliFolder } from '../support/cli-folder.ts'

describe('sluice keys new', () => {
  test('writes a key that only its user may read, and prints kid and file', async () => {
    const folder = cliFolder()
    const { status, stdout } = await folder.run(['keys', 'new', '--scheme', 'sluice-hmac'])
    expect(status).toBe(0)
    const [, kid = '', file = ''] = /^(\S+) {2}(\S+)\n$/.exec(stdout) ?? []
    expect(file).toBe(`${folder.directory}/keys/hmac-${kid}.json`)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const jwk = JSON.parse(folder.read(`keys/hmac-${kid}.json`)) as { k: string }
    expect(jwk).toMatchObject({ kty: 'oct', kid, alg: 'HS256', schemes: ['sluice-hmac'] })
    expect(Buffer.from(jwk.k, 'base64url').length).toBeGreaterThanOrEqual(32)
  })

  test('makes a key that signs the next link', async () => {
    const folder = cliFolder()
    const args = ['--scheme', 'sluice-jwt', '--alg', 'ES256', '--kid', 'elliptic']
    await folder.run(['keys', 'retire', 'jwt-1'])
    expect((await folder.run(['keys', 'new', ...args])).status).toBe(0)
    const flags = ['--scheme', 'sluice-jwt', '--json']
    const { stdout } = await folder.run(['sign', '/files/demo.mp4', ...flags])
    expect(JSON.parse(stdout)).toMatchObject({ kid: 'elliptic' })
  })

  test('keeps a key for later waiting', async () => {
    const folder = cliFolder()
    const at = ['--not-before', '2099-01-01T00:00:00Z']
    const args = ['keys', 'new', '--scheme', 'sluice-hmac', '--kid', 'later', ...at]
    expect((await folder.run(args)).status).toBe(0)
    expect((await folder.run(['keys', 'list'])).stdout).toMatch(/^waiting +later /m)
    const { stdout } = await folder.run(['sign', '/files/demo.mp4'])
    expect(new URL(stdout.trim()).searchParams.get('KeyId')).toBe('hmac-1')
  })

  test('refuses Ed25519 for sluice-jwt by its kid', async () => {
    const folder = cliFolder()
    const args = ['--scheme', 'sluice-jwt', '--alg', 'EdDSA', '--kid', 'ed-1']
    const { status, stdout, stderr } = await folder.run(['keys', 'new', ...args])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(/Ed25519.*ed-1/)
    expect((await folder.run(['keys', 'list'])).stdout).not.toContain('ed-1')
  })

  test.each([
    ['--scheme', ['--scheme', 'ftp']],
    ['--scheme', []],
    ['--alg', ['--scheme', 'sluice-hmac', '--alg', 'MD4']],
    ['--kid', ['--scheme', 'sluice-hmac', '--kid', '../escape']],
    ['--not-before', ['--scheme', 'sluice-hmac', '--not-before', 'soon']],
  ])('names %s where it is wrong: %j', async (flag, args) => {
    const { status, stdout, stderr } = await cliFolder().run(['keys', 'new', ...args])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^${flag}: .`))
  })

  test('refuses a kid that there is, and an algorithm that does not fit', async () => {
    const folder = cliFolder()
    const taken = await folder.run(['keys', 'new', '--scheme', 'sluice-hmac', '--kid', 'hmac-1'])
    expect(taken.status).toBe(2)
    expect(taken.stderr).toContain('there is a key with the kid hmac-1 already')
    const unfit = await folder.run(['keys', 'new', '--scheme', 'sluice-hmac', '--alg', 'RS256'])
    expect(unfit.status).toBe(2)
    expect(unfit.stderr).toContain('sluice-hmac')
  })
})

describe('sluice keys list', () => {
  test('shows kid, algorithm and schemes', async () => {
    const { status, stdout } = await cliFolder().run(['keys', 'list'])
    expect(status).toBe(0)
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^active +hmac-1 +HS256 +sluice-hmac$/),
      expect.stringMatching(/^active +jwt-1 +HS256 +sluice-jwt$/),
    ])
  })

  test('--json shows the same and no secret', async () => {
    const folder = cliFolder()
    await folder.run(['keys', 'new', '--scheme', 'sluice-jwt', '--alg', 'RS256', '--kid', 'rsa'])
    const { stdout } = await folder.run(['keys', 'list', '--json'])
    const keys = JSON.parse(stdout) as Record<string, unknown>[]
    expect(keys.map(({ kid }) => kid)).toEqual(['hmac-1', 'jwt-1', 'rsa'])
    const members = new Set(keys.flatMap((key) => Object.keys(key)))
    expect([...members].toSorted()).toEqual(['alg', 'file', 'kid', 'maySign', 'schemes'])
  })
})

describe('sluice keys retire', () => {
  test('lets a key end: it signs nothing more and opens nothing more', async () => {
    const folder = cliFolder()
    const url = (await folder.run(['sign', '/files/demo.mp4'])).stdout.trim()
    const { status, stdout } = await folder.run(['keys', 'retire', 'hmac-1'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^hmac-1 retires at \d{4}-\d\d-\d\dT/)
    expect(statSync(`${folder.directory}/keys/hmac-1.json`).mode & 0o777).toBe(0o600)
    expect((await folder.run(['keys', 'list'])).stdout).toMatch(/^retired +hmac-1 /m)
    expect((await folder.run(['sign', '/files/demo.mp4'])).status).toBe(2)
    expect((await folder.run(['inspect', url])).stdout).toMatch(/^deny {2}link_invalid/)
  })

  test('--at lets it work until then', async () => {
    const folder = cliFolder()
    const at = '2099-01-01T00:00:00Z'
    const { stdout } = await folder.run(['keys', 'retire', 'hmac-1', '--at', at])
    expect(stdout).toContain('hmac-1 retires at 2099-01-01T00:00:00.000Z')
    expect((await folder.run(['keys', 'list'])).stdout).toMatch(/^active +hmac-1 .* until 2099-/m)
    expect((await folder.run(['sign', '/files/demo.mp4'])).status).toBe(0)
  })

  test('of a kid that there is not ends with exit 2', async () => {
    const { status, stderr } = await cliFolder().run(['keys', 'retire', 'nobody'])
    expect(status).toBe(2)
    expect(stderr).toContain('nobody')
  })
})
