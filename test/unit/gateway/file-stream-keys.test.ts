import { createPrivateKey, createPublicKey, type JsonWebKey } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newKey } from '../../../src/config/generate.ts'
import { writeKey } from '../../../src/config/key-files.ts'
import { loadKeys } from '../../../src/config/keys.ts'
import type { CreatedStreamKey } from '../../../src/dialect/services.ts'
import { FileStreamKeys } from '../../../src/gateway/file-stream-keys.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { NOW } from '../../support/request-parts.ts'

let directory: string
let reloads: string[][]
let loads: boolean
let keys: FileStreamKeys

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-stream-keys-'))
  reloads = []
  loads = true
  keys = new FileStreamKeys(directory, new FakeClock(NOW), async () => {
    reloads.push(loadKeys(directory).keys.map(({ kid }) => kid))
    return loads
  })
})

afterEach(() => {
  rmSync(directory, { recursive: true })
})

async function create(): Promise<CreatedStreamKey> {
  const key = await keys.create()
  if (!key) throw new Error('no key was made')
  return key
}

test('a key is a file that others cannot read, and in force when it is handed out', async () => {
  const { id, created, pem, jwk } = await create()
  expect(id).toMatch(/^[0-9a-f]{32}$/)
  expect(created).toBe(NOW)
  expect(reloads).toEqual([[id]])
  expect(statSync(join(directory, `cloudflare-stream-${id}.json`)).mode & 0o777).toBe(0o600)
  const [loaded] = loadKeys(directory).keys
  expect(loaded).toMatchObject({ alg: 'RS256', schemes: ['cloudflare-stream'], notBefore: NOW })
  expect(pem).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/)
  const shown = JSON.parse(jwk) as JsonWebKey
  expect(shown).toMatchObject({ kty: 'RSA', kid: id, alg: 'RS256', use: 'sig' })
  for (const half of [createPrivateKey(pem), createPrivateKey({ key: shown, format: 'jwk' })]) {
    expect(createPublicKey(half).equals(loaded!.publicKey!)).toBe(true)
  }
})

test('the list holds the keys that were made here and no others', async () => {
  writeKey(directory, newKey({ alg: 'RS256', schemes: ['cloudflare-stream'], kid: 'a'.repeat(32) }))
  writeKey(directory, newKey({ alg: 'HS256', schemes: ['sluice-hmac'] }))
  expect(keys.list()).toEqual([])
  const { id } = await create()
  expect(keys.list()).toEqual([{ id, created: NOW }])
})

test('a key that goes is out of force at once; one that was not made here stays', async () => {
  const other = 'b'.repeat(32)
  const theirs = writeKey(
    directory,
    newKey({ alg: 'RS256', schemes: ['cloudflare-stream'], kid: other }),
  )
  const { id } = await create()
  expect([
    await keys.remove(other),
    await keys.remove('nobody'),
    await keys.remove('../clients'),
  ]).toEqual([false, false, false])
  expect(await keys.remove(id)).toBe(true)
  expect(reloads.at(-1)).toEqual([other])
  expect(readdirSync(directory).map((name) => join(directory, name))).toEqual([theirs])
  expect(await keys.remove(id)).toBe(false)
})

test('when the configuration does not load, nothing is made and nothing goes', async () => {
  const { id } = await create()
  loads = false
  await expect(keys.create()).rejects.toThrow('no key was made')
  await expect(keys.remove(id)).rejects.toThrow('the key stays')
  expect(readdirSync(directory)).toEqual([`cloudflare-stream-${id}.json`])
  expect(loadKeys(directory).keys.map(({ kid }) => kid)).toEqual([id])
})

test('there are at most 1,000', async () => {
  for (let i = 0; i < 1000; i++) {
    const name = `cloudflare-stream-${i.toString(16).padStart(32, '0')}.json`
    writeFileSync(join(directory, name), '{"created":1}')
  }
  expect(await keys.create()).toBeUndefined()
  expect(reloads).toEqual([])
  expect(existsSync(join(directory, `cloudflare-stream-${'0'.repeat(32)}.json`))).toBe(true)
})
