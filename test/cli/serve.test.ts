import { statSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Child } from '../support/child.ts'
import { cliFolder } from '../support/cli-folder.ts'

function publicUrl(child: Child): Promise<string> {
  return child.until(() => /serves (http:\S+)\n/.exec(child.stderr + child.stdout)?.[1])
}

/** A port of 127.0.0.1 that is taken as long as the test runs. */
async function takenPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.close()
  })
  return (server.address() as AddressInfo).port
}

describe('a gateway that cannot start', () => {
  test('lists every problem of its files with line and column, and ends with exit 1', async () => {
    const folder = cliFolder()
    folder.write(
      'config/gateway.yaml',
      `server: { port: 99999, hots: x }
origins:
  library: { type: file, root: nowhere }
routes:
  - { path: files, origin: lost, schemes: [sluice-hmac, sluice-foo], policy: nope }
`,
    )
    folder.write('config/policies/default.yaml', 'parallel:\n  maxDownloads: many\n')
    const { status, stdout, stderr } = await folder.run(['serve'])
    expect(status).toBe(1)
    expect(stdout).toBe('')
    const places = stderr
      .trimEnd()
      .split('\n')
      .map((line) => /^(\S+?:\d+:\d+: \S+): ./.exec(line)?.[1] ?? line)
    expect(places).toEqual([
      'config/gateway.yaml:1:17: server.port',
      'config/gateway.yaml:1:24: server.hots',
      'config/gateway.yaml:3:32: origins.library.root',
      'config/gateway.yaml:5:13: routes[0].path',
      'config/gateway.yaml:5:28: routes[0].origin',
      'config/gateway.yaml:5:57: routes[0].schemes[1]',
      'config/gateway.yaml:5:78: routes[0].policy',
      'config/policies/default.yaml:2:17: parallel.maxDownloads',
    ])
  })

  test('names an override that is wrong by where it came from', async () => {
    const { status, stderr } = await cliFolder().run(['serve', '--set', 'server.prot=1'], {
      env: { SLUICE_ADMIN__PORT: 'many' },
    })
    expect(status).toBe(1)
    expect(stderr).toContain('--set server.prot: server.prot: unknown key (did you mean port?)')
    expect(stderr).toContain('SLUICE_ADMIN__PORT: admin.port: ')
  })

  test.each(['server.port', 'admin.port'])(
    'because %s is in use says so and ends with exit 1',
    async (setting) => {
      const port = await takenPort()
      const { status, stderr } = await cliFolder().run(['serve', '--set', `${setting}=${port}`])
      expect(status).toBe(1)
      expect(stderr).toContain(`another program listens on 127.0.0.1:${port}`)
      expect(stderr).toContain(setting)
    },
  )

  test('refuses a key that its scheme cannot use, by kid', async () => {
    const folder = cliFolder()
    folder.write('keys/ed.json', ED25519)
    for (const command of ['serve', 'check']) {
      const { status, stdout, stderr } = await folder.run([command])
      expect(status).toBe(1)
      expect(stdout + stderr).toMatch(/keys\/ed\.json:.*Ed25519.*ed-1/)
    }
  })

  test.each([
    ['0', '--workers: expected a whole number'],
    ['many', '--workers: expected a whole number'],
  ])('refuses --workers %s with exit 2', async (workers, message) => {
    const { status, stderr } = await cliFolder().run(['serve', '--workers', workers])
    expect(status).toBe(2)
    expect(stderr).toContain(message)
  })

  test('refuses --demo with a path that it does not serve', async () => {
    const { status, stderr } = await cliFolder().run(['serve', '--demo', '/nowhere/a'])
    expect(status).toBe(1)
    expect(stderr).toMatch(/^--demo: .*no route begins like this path$/m)
  })
})

const ED25519 = {
  kty: 'OKP',
  crv: 'Ed25519',
  kid: 'ed-1',
  alg: 'EdDSA',
  schemes: ['sluice-jwt'],
  // RFC 8037, appendix A.1
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
}

describe('a gateway that starts', () => {
  test('prints its addresses on standard error and leaves standard output to the records', async () => {
    const folder = cliFolder()
    const child = folder.start(['serve'])
    const url = await publicUrl(child)
    await child.until(() => /admin API {3}http:\/\/127\.0\.0\.1:\d+$/m.exec(child.stderr)?.[0])
    expect(child.stdout).toBe('')
    expect((await fetch(`${url}/files/guide.pdf`)).status).toBe(401)
    const line = await child.until(() => /^.+\n$/.exec(child.stdout)?.[0])
    expect(JSON.parse(line)).toMatchObject({ status: 401, reason: 'link_missing' })
  })

  test('makes an admin token at its first start, that only its user may read', async () => {
    const folder = cliFolder()
    const first = folder.start(['serve'])
    await publicUrl(first)
    const file = join(folder.directory, 'keys/admin-token')
    await first.until(() => first.stderr.includes(`made        ${file}\n`) || undefined)
    expect(first.stderr).toContain(`  admin token ${file}\n`)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await first.stop()
    const second = folder.start(['serve'])
    await second.until(() => second.stderr.includes(`  admin token ${file}\n`) || undefined)
    await second.stop()
    expect(second.stderr).not.toContain('made ')
  })

  test('with --demo prints two links that work as they are', async () => {
    const folder = cliFolder()
    const child = folder.start(['serve', '--demo', '/files/guide.pdf'])
    const links = await child.until(() => {
      const found = [...child.stdout.matchAll(/^ {2}curl -OJ '(\S+)'$/gm)].map(
        ([, url = '']) => url,
      )
      return found.length === 2 ? found : undefined
    })
    expect(links.map((link) => new URL(link).searchParams.has('KeyId'))).toEqual([true, false])
    for (const link of links) {
      const response = await fetch(link)
      expect(response.status).toBe(200)
      expect(response.headers.get('content-disposition')).toBe('attachment; filename="guide.pdf"')
    }
  })

  test('takes a setting from --set before the environment, and from there before the file', async () => {
    const child = cliFolder().start(['serve', '--set', 'admin.host=127.0.0.3'], {
      env: { SLUICE_ADMIN__HOST: '127.0.0.2', SLUICE_SERVER__HOST: '127.0.0.2' },
    })
    expect(await publicUrl(child)).toMatch(/^http:\/\/127\.0\.0\.2:/)
    await child.until(() => /admin API {3}http:\/\/127\.0\.0\.3:/.exec(child.stderr)?.[0])
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('ends with exit 0 on %s', async (signal) => {
    const child = cliFolder().start(['serve'])
    await publicUrl(child)
    child.signal(signal)
    expect(await child.ended).toMatchObject({ status: 0 })
  })

  test('keeps what runs when SIGHUP finds a problem, and takes over what is mended', async () => {
    const folder = cliFolder()
    const config = folder.read('config/gateway.yaml')
    const child = folder.start(['serve'])
    const url = await publicUrl(child)
    folder.write('config/gateway.yaml', 'server: { prot: 1 }\n')
    child.signal('SIGHUP')
    await child.until(() => /config\/gateway\.yaml:1:11: server\.prot: /.exec(child.stderr)?.[0])
    expect(child.stderr).toContain('the running configuration stays:')
    expect((await fetch(`${url}/files/guide.pdf`)).status).toBe(401)
    folder.write('config/gateway.yaml', config.replaceAll('/files/', '/moved/'))
    child.signal('SIGHUP')
    await child.until(() => /configuration \w+ is in force/.exec(child.stderr)?.[0])
    expect((await fetch(`${url}/moved/guide.pdf`)).status).toBe(401)
    expect((await fetch(`${url}/files/guide.pdf`)).status).not.toBe(401)
  })

  test.each([
    ['messages', 'stderr'],
    ['records', 'stdout'],
  ] as const)('goes on when nobody reads its %s any more', async (_, stream) => {
    const child = cliFolder().start(['serve'])
    const url = await publicUrl(child)
    child.closeOutput(stream)
    for (let i = 0; i < 5; i++) {
      child.signal('SIGHUP')
      expect((await fetch(`${url}/files/guide.pdf`)).status).toBe(401)
    }
    expect(child.isOver).toBe(false)
    child.signal('SIGTERM')
    expect(await child.ended).toMatchObject({ status: 0 })
  })
})
