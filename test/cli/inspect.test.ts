import { expect, test } from 'vitest'
import { type CliFolder, cliFolder } from '../support/cli-folder.ts'

const EXPIRES = 1_800_000_000

async function sign(folder: CliFolder, ...flags: readonly string[]): Promise<string> {
  const { stdout } = await folder.run(['sign', '/files/demo.mp4', ...flags])
  return stdout.trim()
}

test('a link that would be let in is a permit with exit 0, rule by rule', async () => {
  const folder = cliFolder()
  const url = await sign(folder, '--ip', '203.0.113.0/24', '--jti', 'order-7', '--rate', '9000')
  const { status, stdout } = await folder.run(['inspect', url, '--as-ip', '203.0.113.7'])
  expect(status).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  expect(lines[0]).toBe('permit')
  expect(stdout).toMatch(/^route {6}\/files\/ with policy default$/m)
  expect(stdout).toMatch(/^link {7}sluice-hmac, carried in the query$/m)
  expect(stdout).toMatch(/^ {2}id +order-7$/m)
  expect(stdout).toMatch(/^ {2}rate +9000$/m)
  expect(stdout).toMatch(/^client {5}in an unknown country, in an unknown AS$/m)
  const rules = lines.slice(lines.indexOf('rules') + 1)
  expect(rules.length).toBeGreaterThan(3)
  for (const rule of rules) expect(rule).toMatch(/^ {2}pass /)
})

test('a link that would be refused is a deny with exit 1 and the rule that refuses', async () => {
  const folder = cliFolder()
  const url = await sign(folder, '--ip', '203.0.113.7')
  const { status, stdout } = await folder.run(['inspect', url, '--as-ip', '203.0.113.8'])
  expect(status).toBe(1)
  expect(stdout).toMatch(/^deny {2}address_not_allowed/)
  expect(stdout).toMatch(/^ {2}pass {4}signature$/m)
  expect(stdout).toMatch(/^ {2}refuse {2}address /m)
})

test('--at moves the clock', async () => {
  const folder = cliFolder()
  const url = await sign(folder)
  const later = await folder.run(['inspect', url, '--at', '2099-01-01T00:00:00Z'])
  expect(later.status).toBe(1)
  expect(later.stdout).toMatch(/^deny {2}link_expired/)
  const wrong = await folder.run(['inspect', url, '--at', 'yesterday'])
  expect(wrong).toMatchObject({ status: 2, stdout: '' })
  expect(wrong.stderr).toMatch(/^--at: /)
})

test('--method and --header are what the request would carry', async () => {
  const folder = cliFolder()
  folder.write('config/policies/default.yaml', 'referrers: { allow: [shop.example] }\n')
  const url = await sign(folder)
  const referer = ['--header', 'Referer: https://shop.example/a']
  expect((await folder.run(['inspect', url, ...referer])).status).toBe(0)
  const without = await folder.run(['inspect', url])
  expect(without.status).toBe(1)
  expect(without.stdout).toMatch(/^deny {2}referrer_not_allowed/)
  const put = await folder.run(['inspect', url, ...referer, '--method', 'PUT'])
  expect(put.status).toBe(1)
  expect(put.stdout).toMatch(/^deny {2}method_not_allowed/)
  expect((await folder.run(['inspect', url, '--header', 'Referer'])).status).toBe(2)
})

test('--as-ip has the country that the data gives it, and the rules about it are shown', async () => {
  const folder = cliFolder()
  folder.write('config/policies/default.yaml', 'countries: { allow: [DE] }\n')
  const url = await sign(folder, '--anti-fraud')
  const german = await folder.run(['inspect', url, '--as-ip', '5.9.0.1'])
  expect(german.status).toBe(0)
  for (const rule of ['countries', 'fraud-lists', 'sharing']) {
    expect(german.stdout).toMatch(new RegExp(`^ {2}pass {4}${rule}$`, 'm'))
  }
  const american = await folder.run(['inspect', url, '--as-ip', '8.8.8.8'])
  expect(american.status).toBe(1)
  expect(american.stdout).toMatch(/^deny {2}country_not_allowed: US is not among/)
  const unknown = await folder.run(['inspect', url, '--as-ip', '192.168.2.1'])
  expect(unknown.stdout).toMatch(/^deny {2}country_not_allowed: the country .* is unknown/)
})

test('a signature that does not hold prints the text that should have been signed', async () => {
  const folder = cliFolder()
  const text = `/files/demo.mp4?jti=x&Expires=${EXPIRES}&KeyId=hmac-1`
  const url = `http://127.0.0.1${text}&Signature=${'A'.repeat(43)}`
  const { status, stdout } = await folder.run(['inspect', url, '--at', '1790000000'])
  expect(status).toBe(1)
  expect(stdout).toMatch(/^deny {2}link_invalid/)
  expect(stdout).toContain(`\nsigned     ${text}\n`)
})

test('a key that nobody has is named in a hint', async () => {
  const target = `/files/demo.mp4?Expires=${EXPIRES}&KeyId=nobody&Signature=${'A'.repeat(43)}`
  const { status, stdout } = await cliFolder().run(['inspect', target])
  expect(status).toBe(1)
  expect(stdout).toMatch(/^hint {7}there is no key nobody$/m)
})

test.each([
  ['that carries no link', '/files/demo.mp4'],
  ['that no route serves', 'https://cdn.example/nowhere'],
  ['that is a hostile path', '/files/..%2fkeys'],
  ['that is none', 'not a url'],
])('a URL %s is unusable, exit 2', async (_, url) => {
  const { status, stdout } = await cliFolder().run(['inspect', url])
  expect(status).toBe(2)
  expect(stdout).toMatch(/^unusable {2}\S/)
})

test('an address that is none is unusable, exit 2', async () => {
  const folder = cliFolder()
  const { status, stdout } = await folder.run(['inspect', await sign(folder), '--as-ip', 'home'])
  expect(status).toBe(2)
  expect(stdout).toMatch(/^unusable {2}home is no IP address/)
})

test('--json prints the same as one value, with the same exit status', async () => {
  const folder = cliFolder()
  const url = await sign(folder, '--ip', '203.0.113.7', '--scheme', 'sluice-jwt')
  const { status, stdout } = await folder.run(['inspect', url, '--as-ip', '203.0.113.8', '--json'])
  expect(status).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({
    decision: 'deny',
    code: 'address_not_allowed',
    route: '/files/',
    link: { scheme: 'sluice-jwt' },
    proves: { kid: 'jwt-1', path: '/files/demo.mp4' },
    trace: expect.arrayContaining([expect.objectContaining({ outcome: 'refuse' })]) as unknown,
  })
})

test('looking at a one-time link does not use it up', async () => {
  const folder = cliFolder()
  const url = await sign(folder, '--multi-use', 'false')
  for (let i = 0; i < 2; i++) {
    expect((await folder.run(['inspect', url, '--as-ip', '203.0.113.7'])).status).toBe(0)
  }
})
