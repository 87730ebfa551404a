import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Certificate } from '../../../src/config/certificate.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { LiveCertificate } from '../../../src/gateway/live-certificate.ts'
import { type SelfSigned, selfSigned } from '../../support/self-signed.ts'

let directory: string
let first: SelfSigned
let second: SelfSigned
let live: LiveCertificate
let said: string[]
let used: Certificate[]

const put = (name: 'cert' | 'key', from: SelfSigned): void => {
  copyFileSync(from[name], join(directory, `live.${name}`))
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-live-'))
  first = selfSigned(directory, 'first')
  second = selfSigned(directory, 'second')
})

beforeEach(() => {
  put('cert', first)
  put('key', first)
  said = []
  used = []
  const say = (message: string): void => {
    said.push(message)
  }
  const files = { cert: join(directory, 'live.cert'), key: join(directory, 'live.key') }
  live = new LiveCertificate(files, { clock: systemClock, warn: say, inform: say })
  live.onChange((certificate) => used.push(certificate))
})

afterEach(() => {
  live.close()
})

afterAll(() => {
  rmSync(directory, { recursive: true })
})

test('files that stay are not read again', () => {
  live.look()
  live.use({ cert: first.cert, key: first.key })
  expect([used, said]).toEqual([[], []])
  expect(live.current.notAfter).toBeGreaterThan(Date.now() + 86_400_000)
})

test('a new pair is in force at the next look', () => {
  put('cert', second)
  put('key', second)
  live.look()
  expect(used).toHaveLength(1)
  expect(said).toEqual([expect.stringContaining('is valid until')])
})

test('a certificate whose key comes a moment later is waited for in silence', () => {
  put('cert', second)
  live.look()
  put('key', second)
  live.look()
  expect(used).toHaveLength(1)
  expect(said).toHaveLength(1)
})

test('a pair that does not fit leaves the one in force, and is told of once', () => {
  put('cert', second)
  for (let i = 0; i < 5; i++) live.look()
  expect(used).toEqual([])
  expect(said).toEqual([
    'the certificate in force stays: server.tls.key: is not the key of the certificate CN=second',
  ])
  rmSync(join(directory, 'live.key'))
  for (let i = 0; i < 5; i++) live.look()
  expect(said).toHaveLength(2)
  put('key', second)
  live.look()
  expect(used).toHaveLength(1)
})
