import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../../src/base/bytes.ts'
import { ensureKeys, newKey } from '../../../src/config/generate.ts'
import { KeyFileError, listKeys, retireKey, writeKey } from '../../../src/config/key-files.ts'
import { loadAdminTokens, loadKeys } from '../../../src/config/keys.ts'
import { createPrivateFile } from '../../../src/config/private-file.ts'
import { configFolder } from './config-folder.ts'

const clock = { now: () => Date.UTC(2026, 10, 5), monotonic: () => 0 }

function mode(file: string): string {
  return (statSync(file).mode & 0o777).toString(8)
}

function freshDirectory(): { directory: string; tokensFile: string } {
  const directory = configFolder().path('fresh/keys')
  return { directory, tokensFile: join(directory, 'admin-tokens.json') }
}

describe('the first start', () => {
  it('makes keys for each native scheme and for tags, and an admin token, for the owner alone', () => {
    const { directory, tokensFile } = freshDirectory()
    const { created, adminTokenFile } = ensureKeys(directory, tokensFile, clock)
    expect(created.map((file) => basename(file))).toEqual([
      expect.stringMatching(/^hmac-2026-11-[0-9a-f]{6}\.json$/),
      expect.stringMatching(/^jwt-2026-11-[0-9a-f]{6}\.json$/),
      expect.stringMatching(/^tag-2026-11-[0-9a-f]{6}\.json$/),
      'admin-token',
      'admin-tokens.json',
    ])
    expect(mode(directory)).toBe('700')
    expect(created.map(mode)).toEqual(['600', '600', '600', '600', '600'])
    expect(readdirSync(directory)).toHaveLength(5)

    const { keys, problems, warnings } = loadKeys(directory, tokensFile)
    expect([...problems, ...warnings]).toEqual([])
    expect(
      keys.map(({ alg, schemes, secret }) => [alg, schemes, secret?.symmetricKeySize]),
    ).toEqual([
      ['HS256', ['sluice-hmac'], 32],
      ['HS256', ['sluice-jwt'], 32],
      ['HS256', ['sluice-tag'], 32],
    ])

    const token = readFileSync(adminTokenFile, 'utf8')
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}\n$/)
    expect(loadAdminTokens(tokensFile).tokens).toEqual([
      {
        id: 'admin',
        sha256: sha256(token.trim()).toString('hex'),
        scopes: ['links', 'revoke', 'read', 'assets', 'keys', 'lists'],
      },
    ])
  })

  it('is the only one that makes anything', () => {
    const { directory, tokensFile } = freshDirectory()
    ensureKeys(directory, tokensFile)
    const before = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'))
    expect(ensureKeys(directory, tokensFile).created).toEqual([])
    expect(
      readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8')),
    ).toEqual(before)
  })

  it('adds only what is missing, and uses a token that is there', () => {
    const { directory, tokensFile } = freshDirectory()
    writeKey(directory, newKey({ alg: 'ES256', schemes: ['sluice-jwt'] }))
    createPrivateFile(join(directory, 'admin-token'), 'mine\n')
    const { created } = ensureKeys(directory, tokensFile, clock)
    expect(created.map((file) => basename(file).replace(/2026.*/, ''))).toEqual([
      'hmac-',
      'tag-',
      'admin-tokens.json',
    ])
    expect(loadAdminTokens(tokensFile).tokens[0]?.sha256).toBe(sha256('mine').toString('hex'))
  })

  it('leaves a directory with a broken key file alone', () => {
    const folder = configFolder({ 'keys/mine.json': '{', 'keys/admin-tokens.json': '[]' })
    expect(ensureKeys(folder.path('keys'), folder.path('keys/admin-tokens.json')).created).toEqual(
      [],
    )
  })
})

describe('createPrivateFile', () => {
  it('never touches an existing file and leaves no other file behind', () => {
    const folder = configFolder({ 'keys/a.json': 'old' })
    expect(createPrivateFile(folder.path('keys/a.json'), 'new')).toBe(false)
    expect(readFileSync(folder.path('keys/a.json'), 'utf8')).toBe('old')
    expect(readdirSync(folder.path('keys'))).toEqual(['a.json'])
  })
})

describe('newKey', () => {
  it.each([
    'HS256',
    'HS384',
    'HS512',
    'RS256',
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'PS512',
    'ES256',
    'ES384',
    'ES512',
  ] as const)('makes %s keys that load', (alg) => {
    const { directory } = freshDirectory()
    const file = writeKey(
      directory,
      newKey({ alg, schemes: ['sluice-jwt'], kid: 'mine', notBefore: 7 }),
    )
    expect(basename(file)).toBe('jwt-mine.json')
    expect(loadKeys(directory).problems).toEqual([])
    expect(listKeys(directory)).toEqual([
      { kid: 'mine', alg, schemes: ['sluice-jwt'], notBefore: 7, file, maySign: true },
    ])
  })

  it('refuses what its scheme cannot use', () => {
    expect(() => newKey({ alg: 'EdDSA', schemes: ['sluice-jwt'], kid: 'ed' })).toThrow(
      'cannot use Ed25519 (kid ed)',
    )
    expect(() => newKey({ alg: 'HS512', schemes: ['sluice-hmac'] })).toThrow(
      'sluice-hmac needs a key with alg HS256',
    )
    expect(() => newKey({ alg: 'ES256', schemes: ['sluice-tag'] })).toThrow(
      'sluice-tag needs a key with alg HS256',
    )
    expect(() => newKey({ alg: 'none' as 'HS256', schemes: ['sluice-jwt'] })).toThrow(
      'alg: expected one of',
    )
    expect(() => newKey({ alg: 'HS256', schemes: ['sluice-jwt'], kid: '../x' })).toThrow(
      'a kid has',
    )
    expect(() => newKey({ alg: 'HS256', schemes: [] })).toThrow('names no scheme')
  })
})

describe('writeKey', () => {
  it('refuses a kid that is in use, in whatever file', () => {
    const { directory } = freshDirectory()
    writeKey(directory, newKey({ alg: 'HS256', schemes: ['sluice-hmac'], kid: 'k' }))
    const again = newKey({ alg: 'HS256', schemes: ['sluice-jwt'], kid: 'k' })
    expect(() => writeKey(directory, again)).toThrow(KeyFileError)
  })
})

describe('retireKey', () => {
  it('changes one key of a set and keeps the rest and the mode of the file', () => {
    const folder = configFolder()
    const [a, b] = ['a', 'b'].map((kid) => newKey({ alg: 'HS256', schemes: ['sluice-jwt'], kid }))
    const file = folder.write(
      'keys/set.json',
      JSON.stringify({ keys: [a, b], note: 'ours' }),
      0o640,
    )
    expect(retireKey(folder.path('keys'), 'b', 1_800_000_000)).toBe(file)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      keys: [a, { ...b, retireAt: 1_800_000_000 }],
      note: 'ours',
    })
    expect(mode(file)).toBe('640')
    expect(readdirSync(folder.path('keys'))).toEqual(['set.json'])
  })

  it('refuses unknown keys and times that cannot be', () => {
    const { directory } = freshDirectory()
    writeKey(directory, newKey({ alg: 'HS256', schemes: ['sluice-jwt'], kid: 'k', notBefore: 100 }))
    expect(() => retireKey(directory, 'other', 200)).toThrow('no usable key with the kid other')
    expect(() => retireKey(directory, 'k', 100)).toThrow('cannot retire before that')
    expect(() => retireKey(directory, 'k', 1.5)).toThrow('epoch seconds')
  })
})
