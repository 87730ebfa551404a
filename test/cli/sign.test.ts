import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import jwt from 'jsonwebtoken'
import { describe, expect, test } from 'vitest'
import { cliFolder } from '../support/cli-folder.ts'
import { ROOT } from '../support/sluice.ts'

const PATH = '/files/demo.mp4'
const RULES =
  '[{"type":"ip.src","action":"allow","ip":["192.0.2.0/24"]},{"type":"any","action":"block"}]'

/** Flag, value on the command line, and what stands in a query and in a token. */
const FLAGS = [
  ['jti', '--jti', 'order-7', 'order-7', 'order-7'],
  ['nbf', '--nbf', '2026-01-01T00:00:00Z', '1767225600', 1_767_225_600],
  ['ip', '--ip', '192.168.2.1', '3232236033', 3_232_236_033],
  ['max_parallel_downloads', '--max-parallel-downloads', '3', '3', 3],
  ['anti_fraud', '--anti-fraud', 'false', 'false', false],
  ['streaming', '--streaming', 'true', 'true', true],
  ['filename', '--filename', 'a ü.mp4', 'a ü.mp4', 'a ü.mp4'],
  ['multi_use', '--multi-use', 'false', 'false', false],
  ['rate', '--rate', '50000', '50000', 50_000],
  ['accessRules', '--access-rules', RULES, RULES, JSON.parse(RULES) as unknown],
  ['subject', '--subject', 'alice', 'alice', 'alice'],
] as const

const ALL_FLAGS = FLAGS.flatMap(([, flag, value]) => [flag, value])

function now(): number {
  return Math.floor(Date.now() / 1000)
}

describe('sluice sign', () => {
  test('signs with HMAC by the formula of the contract, each flag a parameter', async () => {
    const folder = cliFolder()
    const { status, stdout, stderr } = await folder.run(['sign', PATH, ...ALL_FLAGS])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const url = new URL(stdout.trim())
    expect(url.pathname).toBe(PATH)
    const [text = '', signature] = stdout.trim().slice(url.origin.length).split('&Signature=')
    expect(signature).toBe(createHmac('sha256', folder.secret).update(text).digest('base64url'))
    for (const [name, , , parameter] of FLAGS) {
      const value = url.searchParams.get(name) ?? ''
      if (name === 'accessRules') expect(JSON.parse(value)).toEqual(JSON.parse(RULES))
      else expect(value).toBe(parameter)
    }
    expect(url.searchParams.get('KeyId')).toBe('hmac-1')
    expect(Number(url.searchParams.get('Expires')) - now()).toBeGreaterThan(3500)
  })

  test('signs a JWT whose claims jsonwebtoken verifies, each flag a claim', async () => {
    const folder = cliFolder()
    const args = ['sign', PATH, '--scheme', 'sluice-jwt', '--expires-in', '15m', '--json']
    const { status, stdout } = await folder.run([...args, ...ALL_FLAGS])
    expect(status).toBe(0)
    const minted = JSON.parse(stdout) as { url: string; expires_at: number }
    expect(minted).toMatchObject({ id: 'order-7', scheme: 'sluice-jwt', kid: 'jwt-1' })
    expect(minted.expires_at - now()).toBeGreaterThan(890)
    expect(minted.expires_at - now()).toBeLessThanOrEqual(900)
    const { k } = JSON.parse(folder.read('keys/jwt-1.json')) as { k: string }
    const token = new URL(minted.url).searchParams.get('token') ?? ''
    expect(jwt.verify(token, Buffer.from(k, 'base64url'))).toMatchObject({
      sub: PATH,
      exp: minted.expires_at,
      ...Object.fromEntries(FLAGS.map(([name, , , , claim]) => [name, claim])),
    })
  })

  test('takes the end as a moment too', async () => {
    const at = now() + 7200
    for (const text of [String(at), new Date(at * 1000).toISOString()]) {
      const { stdout } = await cliFolder().run(['sign', PATH, '--expires-at', text])
      expect(new URL(stdout.trim()).searchParams.get('Expires')).toBe(String(at))
    }
  })

  test('signs a prefix with a JWT, carried in the path', async () => {
    const folder = cliFolder()
    const args = ['sign', '/files/*', '--scheme', 'sluice-jwt', '--subject', 'alice']
    const { status, stdout } = await folder.run(args)
    expect(status).toBe(0)
    expect(new URL(stdout.trim()).pathname).toMatch(/^\/~[\w-]+\.[\w-]+\.[\w-]+\/files\/$/)
  })

  test('takes a path after a flag that stands alone for the path', async () => {
    const { status, stdout } = await cliFolder().run(['sign', '--streaming', PATH])
    expect(status).toBe(0)
    const url = new URL(stdout.trim())
    expect([url.pathname, url.searchParams.get('streaming')]).toEqual([PATH, 'true'])
  })

  test('has a flag for every constraint of the contract', async () => {
    const { stdout } = await cliFolder().run(['sign', '--help'])
    const flags = FLAGS.map(([, flag]) => flag)
    for (const flag of [...flags, '--autograph-tag', '--scheme', '--expires-in', '--expires-at']) {
      expect(stdout).toMatch(new RegExp(`^ +${flag} `, 'm'))
    }
  })

  test('prints a link that a gateway on the same configuration serves', async () => {
    const folder = cliFolder()
    const child = folder.start(['serve'])
    const origin = await child.until(() => /serves (http:\S+)$/m.exec(child.stderr)?.[1])
    const { stdout } = await folder.run(['sign', PATH, '--set', `server.publicUrl=${origin}`])
    const response = await fetch(stdout.trim())
    expect(response.status).toBe(200)
    const demo = readFileSync(join(ROOT, 'examples/library/demo.mp4'))
    expect(Buffer.from(await response.arrayBuffer()).equals(demo)).toBe(true)
  })
})

describe('sluice sign refuses with exit 2, naming the flag,', () => {
  test.each([
    ['--scheme', 'bunny'],
    ['--expires-in', 'soon'],
    ['--expires-in', '0'],
    ['--expires-in', '9w'],
    ['--expires-at', 'tomorrow'],
    ['--expires-at', '1000000000'],
    ['--jti', 'a b'],
    ['--nbf', 'tomorrow'],
    ['--ip', '256.1.1.1'],
    ['--ip', '4294967296'],
    ['--max-parallel-downloads', '0'],
    ['--streaming', 'maybe'],
    ['--multi-use', 'no'],
    ['--anti-fraud', 'maybe'],
    ['--filename', '../a'],
    ['--autograph-tag', 'x'.repeat(65)],
    ['--autograph-tag', 'x'],
    ['--rate', '1.5'],
    ['--access-rules', '[]'],
    ['--subject', ''],
  ])('%s %j', async (flag, value) => {
    const { status, stdout, stderr } = await cliFolder().run(['sign', PATH, flag, value])
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(new RegExp(`^${flag}: .`))
  })

  test.each([
    ['a raw space', '/files/a b.txt'],
    ['a raw umlaut', '/files/ü.txt'],
    ['a query', '/files/a?b'],
    ['no route', '/nowhere/a'],
    ['a step up', '/files/../a'],
    ['a prefix, by HMAC', '/files/*'],
  ])('a path with %s', async (_, path) => {
    const { status, stdout, stderr } = await cliFolder().run(['sign', path])
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^path: (?!path:)./)
  })
})
