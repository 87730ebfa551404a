import { describe, expect, test } from 'vitest'
import { type CliFolder, cliFolder } from '../support/cli-folder.ts'

describe('sluice check', () => {
  test('of a sound configuration ends with exit 0 and one line', async () => {
    const { status, stdout, stderr } = await cliFolder().run(['check'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^ok {2}config\/gateway\.yaml: .*2 keys.*\n$/)
  })

  test('names every problem of every file at once, with line and column', async () => {
    const folder = cliFolder()
    folder.write(
      'config/gateway.yaml',
      `server:
  port: eighty
lists:
  pirates: { file: pirates.netset }
origins:
  library: { type: file, root: . }
routes:
  - path: /files/
    origin: library
    schemes: [sluice-hmac]
    policy: missing
`,
    )
    folder.write('config/pirates.netset', '192.0.2.0/24\n300.1.1.1\n')
    folder.write('config/policies/default.yaml', 'methods: [GET]\nmethod: x\n')
    folder.write('keys/hmac-1.json', '{ "kty": "oct" }')
    const { status, stdout, stderr } = await folder.run(['check'])
    expect(status).toBe(1)
    const lines = stdout.trimEnd().split('\n')
    for (const line of lines) expect(line).toMatch(/^\S+:\d+:\d+: \S+: \S/)
    for (const place of [
      'config/gateway.yaml:2:9: server.port: ',
      'config/gateway.yaml:11:13: routes[0].policy: ',
      'config/pirates.netset:2:1: ',
      'config/policies/default.yaml:2:1: method: ',
      'keys/hmac-1.json:1:1: ',
    ]) {
      expect(lines).toContainEqual(expect.stringContaining(place))
    }
    expect(stderr).toBe(`${lines.length} problems\n`)
  })

  test('of a file that is not there ends with exit 1', async () => {
    const { status, stdout } = await cliFolder().run(['check', '--config', 'nowhere.yaml'])
    expect(status).toBe(1)
    expect(stdout).toMatch(/^nowhere\.yaml:1:1: .*cannot be read/)
  })

  test('of the configuration that is shipped finds nothing', async () => {
    const { status, stdout } = await cliFolder().run(['check', '--config', SHIPPED])
    expect({ status, stdout }).toMatchObject({ status: 0 })
  })
})

const SHIPPED = new URL('../../config/gateway.yaml', import.meta.url).pathname

/** An audit file of three changes, written by a gateway that is over. */
async function auditFile(folder: CliFolder): Promise<string[]> {
  const child = folder.start(['serve'])
  const admin = await child.until(() => /admin API {3}(\S+)$/m.exec(child.stderr)?.[1])
  const authorization = `Bearer ${folder.read('keys/admin-token').trim()}`
  for (const link of ['a', 'b', 'c']) {
    const { status } = await fetch(`${admin}/v1/revocations`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ link_id: link }),
    })
    expect(status).toBe(201)
  }
  await child.stop()
  return folder.read('data/audit.jsonl').trimEnd().split('\n')
}

describe('sluice check --audit', () => {
  const ARGS = ['check', '--audit', 'data/audit.jsonl']

  test('finds a chain whole that a gateway wrote, and broken where it was touched', async () => {
    const folder = cliFolder()
    const lines = await auditFile(folder)
    expect(lines).toHaveLength(3)
    const whole = await folder.run(ARGS)
    expect(whole).toMatchObject({ status: 0, stderr: '' })
    expect(whole.stdout).toBe('ok  data/audit.jsonl: 3 entries, the chain holds\n')

    const [first = '', second = '', third = ''] = lines
    for (const touched of [
      [first, third],
      [second, third],
      [second, first, third],
      [first, second.replace('"b"', '"x"'), third],
      [first, second, third, third],
    ]) {
      folder.write('data/audit.jsonl', `${touched.join('\n')}\n`)
      const broken = await folder.run(ARGS)
      expect(broken.status).toBe(1)
      expect(broken.stdout).toMatch(/^data\/audit\.jsonl: line \d+: \S/)
    }
  })

  test('of a file that is not there ends with exit 1', async () => {
    const { status, stdout, stderr } = await cliFolder().run(ARGS)
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/^--audit: .*data\/audit\.jsonl/)
  })
})
