import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readCertificate } from '../../../src/config/certificate.ts'
import { checkTls } from '../../../src/config/check-tls.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { type SelfSigned, selfSigned } from '../../support/self-signed.ts'

const DAY = 86_400_000

let directory: string
let one: SelfSigned
let other: SelfSigned
const at = (name: string): string => join(directory, name)
const written = (name: string, text: string): string => {
  writeFileSync(at(name), text, { mode: 0o600 })
  return at(name)
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-certificate-'))
  one = selfSigned(directory, 'one')
  other = selfSigned(directory, 'other')
  const encrypted = ['pkey', '-in', one.key, '-aes128', '-passout', 'pass:x', '-out', at('locked')]
  execFileSync('openssl', encrypted)
  written('both.pem', readFileSync(one.cert, 'utf8') + readFileSync(other.cert, 'utf8'))
  written('none.pem', 'no certificate\n')
  written('broken.pem', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n')
  chmodSync(other.key, 0o644)
})

afterAll(() => {
  rmSync(directory, { recursive: true })
})

describe('a certificate and its key', () => {
  test('are read together', () => {
    const read = readCertificate(one, Date.now())
    expect(read).toMatchObject({ cert: readFileSync(one.cert, 'utf8'), doubts: [] })
    expect('notAfter' in read && read.notAfter).toBeGreaterThan(Date.now() + DAY)
  })

  test.each([
    [
      'the key of another',
      'one.pem',
      'other.key',
      'key',
      'is not the key of the certificate CN=one',
    ],
    ['an encrypted key', 'one.pem', 'locked', 'key', 'is encrypted'],
    ['a key that is none', 'one.pem', 'none.pem', 'key', 'holds no private key'],
    ['a file without certificate', 'none.pem', 'one.key', 'cert', 'holds no certificate'],
    ['a broken certificate', 'broken.pem', 'one.key', 'cert', 'its certificate number 1 is broken'],
    ['a missing file', 'absent.pem', 'one.key', 'cert', 'cannot be read: ENOENT'],
    ['a missing key', 'one.pem', 'absent.key', 'key', 'cannot be read: ENOENT'],
  ])('%s is refused', (_, cert, key, member, why) => {
    const read = readCertificate({ cert: at(cert), key: at(key) }, Date.now())
    expect(read).toEqual({ member, unusable: expect.stringContaining(why) as unknown })
  })

  test('that have expired, or are not valid yet, or form no chain, are in doubt', () => {
    const doubtsAt = (now: number, files: SelfSigned = one): unknown => {
      const read = readCertificate(files, now)
      return 'doubts' in read && read.doubts
    }
    expect(doubtsAt(Date.now() + 3 * DAY)).toEqual([
      expect.stringMatching(/^CN=one has expired on /),
    ])
    expect(doubtsAt(Date.now() - DAY)).toEqual([expect.stringContaining('is not valid before')])
    expect(doubtsAt(Date.now(), { cert: at('both.pem'), key: one.key })).toEqual([
      'CN=one is followed by a certificate that did not issue it',
    ])
  })
})

describe('the files of server.tls', () => {
  test('are problems and warnings at their settings', () => {
    const place = (path: string): string => at(path)
    const tls = (cert: string, key: string, rest: object = {}): unknown => ({
      server: { tls: { cert, key }, ...rest },
    })
    expect(checkTls(tls('one.pem', 'other.key'), place)).toMatchObject({
      findings: [{ path: ['server', 'tls', 'key'] }],
      fileWarnings: [{ message: 'other users may read or change it (mode 644); use 600' }],
    })
    expect(checkTls(tls('one.pem', 'one.key'), place, Date.now() + 3 * DAY)).toMatchObject({
      findings: [],
      warnings: [{ path: ['server', 'tls', 'cert'] }],
    })
    const plain = tls('one.pem', 'one.key', { publicUrl: 'http://files.example' })
    expect(checkTls(plain, place).warnings).toMatchObject([{ path: ['server', 'publicUrl'] }])
    expect(checkTls({ server: {} }, place).findings).toEqual([])
  })

  test('have their place in the file, and are absolute afterwards', () => {
    const folder = mkdtempSync(join(directory, 'config-'))
    writeFileSync(
      join(folder, 'gateway.yaml'),
      'server:\n  tls:\n    cert: ../one.pem\n    key: ../other.key\n',
    )
    const file = join(folder, 'gateway.yaml')
    expect(loadConfig({ file }).problems).toMatchObject([
      { source: file, line: 4, column: 10, path: 'server.tls.key' },
    ])
    const { config } = loadConfig({ file, set: ['server.tls.key=../one.key'] })
    expect(config?.server).toMatchObject({ tls: one, publicUrl: 'https://127.0.0.1:8080' })
    const standard = loadConfig({ file, set: ['server.tls.key=../one.key', 'server.port=443'] })
    expect(standard.config?.server.publicUrl).toBe('https://127.0.0.1')
  })
})
