import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type CliFolder, cliFolder } from '../support/cli-folder.ts'
import { FeedServer } from '../support/feed-server.ts'

const [LISTED, BESIDE] = ['203.0.113.7', '203.0.114.7'] as const

/** A folder whose policy keeps out who is on the list `pirates`. */
function folderWith(pirates: object): CliFolder {
  const folder = cliFolder()
  const config = JSON.parse(folder.read('config/gateway.yaml')) as object
  folder.write('config/gateway.yaml', { ...config, lists: { pirates } })
  folder.write('config/policies/default.yaml', { networks: { block: ['pirates'] } })
  return folder
}

async function decisions(folder: CliFolder): Promise<(string | undefined)[]> {
  const url = (await folder.run(['sign', '/files/demo.mp4'])).stdout.trim()
  const inspected = [LISTED, BESIDE].map((ip) => folder.run(['inspect', url, '--as-ip', ip]))
  return (await Promise.all(inspected)).map(({ stdout }) => /^\w+(?: {2}\w+)?/.exec(stdout)?.[0])
}

/** Runs a gateway until what is to be done with its admin API is done. */
async function whileServing(
  folder: CliFolder,
  work: (admin: string, init: RequestInit) => Promise<void>,
): Promise<void> {
  const child = folder.start(['serve'])
  const admin = await child.until(() => /admin API {3}(\S+)$/m.exec(child.stderr)?.[1])
  await child.until(() => (child.stderr.includes('admin token') ? true : undefined))
  const authorization = `Bearer ${folder.read('keys/admin-token').trim()}`
  await work(admin, { headers: { authorization, 'content-type': 'application/json' } })
  await child.stop()
}

describe('sluice inspect knows who is on a list', () => {
  const HELD = ['deny  network_blocked', 'permit']

  test('from a file', async () => {
    const folder = folderWith({ file: 'pirates.netset' })
    folder.write('config/pirates.netset', '203.0.113.0/24\n')
    expect(await decisions(folder)).toEqual(HELD)
  })

  test('from the copy of what a gateway fetched, and takes everyone as listed before', async () => {
    const feed = await FeedServer.start('203.0.113.0/24\n')
    const folder = folderWith({ url: `${feed.url}?key=secret` })
    const [denied] = HELD
    expect(await decisions(folder)).toEqual([denied, denied])
    const { stdout } = await folder.run(['check'])
    expect(stdout).toContain(`list pirates: no copy yet, it is fetched at the start, netset`)
    await whileServing(folder, () => Promise.resolve())
    feed.close()
    expect(await decisions(folder)).toEqual(HELD)
    const checked = await folder.run(['check'])
    expect(checked.stdout).toMatch(/list pirates: 1 entries in the copy of 20\S+Z, netset, http/)
    expect(checked.stdout).not.toContain('secret')
  })

  test('from what was added by API', async () => {
    const folder = folderWith({})
    await whileServing(folder, async (admin, init) => {
      const url = `${admin}/v1/lists/pirates/203.0.113.0/24`
      expect((await fetch(url, { ...init, method: 'PUT', body: '{}' })).status).toBe(201)
    })
    expect(await decisions(folder)).toEqual(HELD)
  })

  test('and says where a list is broken that it needs', async () => {
    const folder = folderWith({ file: 'pirates.netset' })
    folder.write('config/pirates.netset', '203.0.113.0/24\nnonsense\n')
    const url = (await folder.run(['sign', '/files/demo.mp4'])).stdout.trim()
    const { status, stderr } = await folder.run(['inspect', url, '--as-ip', BESIDE])
    expect(status).toBe(1)
    expect(stderr).toBe(
      'list pirates has no data: line 2, column 1: expected an address or a CIDR\n',
    )
  })
})

describe('sluice check of a list', () => {
  const AT = 'config/l'

  test.each([
    ['netset', '192.0.2.1\n  192.0.2.0/33\n', `${AT}:2:3: lists.pirates: expected an address`],
    ['netset', '', `${AT}:1:1: lists.pirates: the list is empty`],
    ['netset', '0.0.0.0/1\n', `${AT}:1:1: lists.pirates: a /1 covers too much`],
    ['netset', '<html>busy</html>', `${AT}:1:1: lists.pirates: expected an address or a CIDR`],
    ['netset', '#'.repeat(2000), `${AT}:1:1: lists.pirates: it has more than 1000 bytes`],
    ['tor-exit', 'ExitAddress 192.0.2 x\n', `${AT}:1:`],
    ['spamhaus-drop', '{"cidr":"192.0.2.0/24"}\n', `${AT}:1:1: lists.pirates: the metadata line`],
    ['icloud-relay', '192.0.2.0/24,US\n', `${AT}:1:1: lists.pirates: expected 5 fields`],
    ['aws', '{}', `${AT}:1:1: lists.pirates: expected an object with syncToken`],
    ['gcp', '{', `${AT}:1:2: lists.pirates: is not JSON`],
    ['azure', '[[[[', `${AT}:1:5: lists.pirates: is not JSON`],
  ])('as %s that holds %j names file, line and column', async (format, text, problem) => {
    const folder = folderWith({ file: 'l', format, maxBytes: 1000 })
    folder.write(AT, text)
    const { status, stdout, stderr } = await folder.run(['check'])
    expect({ status, stderr }).toEqual({ status: 1, stderr: '1 problem\n' })
    expect(stdout).toMatch(/^config\/l:\d+:\d+: lists\.pirates: \S/)
    expect(stdout).toContain(problem)
  })

  test.each<[string, (file: string) => unknown, string]>([
    ['that is not there', () => undefined, 'cannot be read: ENOENT'],
    ['that is a directory', (file) => mkdirSync(file), 'is a directory'],
    ['that is a pipe', (file) => execFileSync('mkfifo', [file]), 'is no regular file'],
  ])('%s names the setting', async (_, make, why) => {
    const folder = folderWith({ file: 'l' })
    make(join(folder.directory, AT))
    const { status, stdout } = await folder.run(['check'])
    expect(status).toBe(1)
    expect(stdout).toMatch(
      new RegExp(`^config/gateway\\.yaml:1:\\d+: lists\\.pirates\\.file: ${why}\n$`),
    )
  })
})
