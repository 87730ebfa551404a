import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { SqliteCatalogue } from '../../src/catalogue/sqlite-catalogue.ts'
import { openDatabase } from '../../src/state/database.ts'
import { type CliFolder, cliFolder } from '../support/cli-folder.ts'
import { startTestGateway } from '../support/test-gateway.ts'

/** A folder whose origin `library` lies beside its configuration. */
function folderWithLibrary(): CliFolder {
  const folder = cliFolder()
  mkdirSync(join(folder.directory, 'library'))
  const config = JSON.parse(folder.read('config/gateway.yaml')) as object
  folder.write('config/gateway.yaml', {
    ...config,
    origins: {
      library: { type: 'file', root: '../library' },
      remote: { type: 'http', url: 'http://127.0.0.1:9/' },
      bucket: { type: 's3', bucket: 'media', region: 'eu-central-1' },
    },
  })
  for (const name of ['a.mp4', 'shows/one 1.mov', 'shows/deep/ü.pdf'])
    folder.write(`library/${name}`, name)
  return folder
}

async function listed(folder: CliFolder): Promise<Record<string, unknown>[]> {
  const { stdout } = await folder.run(['assets', 'list', '--json'])
  return JSON.parse(stdout) as Record<string, unknown>[]
}

const objectsOf = (assets: Record<string, unknown>[]): string[] =>
  assets.map(({ object }) => String(object)).toSorted()

describe('sluice assets scan', () => {
  test('adds an asset for each file, and the second time none', async () => {
    const folder = folderWithLibrary()
    const first = await folder.run(['assets', 'scan', 'library'])
    expect(first).toMatchObject({ status: 0, stdout: '3 added, 0 known\n', stderr: '' })
    const before = await listed(folder)
    expect(objectsOf(before)).toEqual(['a.mp4', 'shows/deep/ü.pdf', 'shows/one 1.mov'])
    expect(before.find(({ object }) => object === 'shows/one 1.mov')).toEqual({
      // the first 24 hex digits of SHA-256 of "library\nshows/one 1.mov"
      id: '810017e7798ec168fe8875a7',
      filename: 'one 1.mov',
      origin: 'library',
      object: 'shows/one 1.mov',
      pipeline_id: null,
      require_signed: false,
      status: 'ready',
      created_at: expect.any(Number),
    })
    folder.write('library/new.webm', 'x')
    const second = await folder.run(['assets', 'scan', 'library'])
    expect(second.stdout).toBe('1 added, 3 known\n')
    expect(await listed(folder)).toEqual(expect.arrayContaining(before))
  })

  test('keeps to a folder and gives the pipeline to what it adds', async () => {
    const folder = folderWithLibrary()
    const args = ['--prefix', 'shows', '--pipeline-id', 'P']
    const { stdout } = await folder.run(['assets', 'scan', 'library', ...args])
    expect(stdout).toBe('2 added, 0 known\n')
    expect((await listed(folder)).map(({ pipeline_id }) => pipeline_id)).toEqual(['P', 'P'])
  })

  test('only says what is new with --dry-run', async () => {
    const folder = folderWithLibrary()
    const dry = await folder.run(['assets', 'scan', 'library', '--dry-run'])
    expect(dry.stdout).toBe('3 to add, 0 known\n')
    const { stdout } = await folder.run(['assets', 'scan', 'library', '--dry-run', '--json'])
    const result = JSON.parse(stdout) as { added: { object: string }[]; known: number }
    expect(result.added.map(({ object }) => object)).toContain('a.mp4')
    expect(result.known).toBe(0)
    expect(await listed(folder)).toEqual([])
  })

  test('knows assets of other ids and renditions, and leaves out what no object can be', async () => {
    const folder = folderWithLibrary()
    const database = openDatabase(join(folder.directory, 'data'))
    const catalogue = new SqliteCatalogue(database)
    const asset = {
      id: 'mine',
      filename: 'a.mp4',
      origin: 'library',
      object: 'a.mp4',
      requireSigned: true,
      status: 'ready',
      createdAt: 1,
    } as const
    await catalogue.putAsset(asset, [])
    await catalogue.putRendition({
      assetId: 'mine',
      format: 'mov',
      status: 'processing',
      percent: 1,
      origin: 'library',
      object: 'shows/one 1.mov',
      isGiven: false,
    })
    database.close()
    folder.write('library/.sluice-part-abc', 'half')
    folder.write('library/back\\slash.txt', 'x')
    symlinkSync('/etc/passwd', join(folder.directory, 'library/outside'))
    const { stdout, stderr } = await folder.run(['assets', 'scan', 'library'])
    expect(stdout).toBe('1 added, 2 known\n')
    expect(stderr).toMatch(/"back\\\\slash.txt" was skipped/)
    const objects = objectsOf(await listed(folder))
    expect(objects).toEqual(['a.mp4', 'shows/deep/ü.pdf'])
  })

  test.each([
    [['libary'], /no origin libary \(did you mean library\?\)/],
    [['remote'], /remote is no file origin, but http: only files can be listed/],
    [['bucket'], /bucket is no file origin, but s3: only files can be listed/],
    [['library', '--pipeline-id', ''], /--pipeline-id: must not be empty/],
    [[], /missing required argument 'origin'/],
  ])('refuses %j with exit 2', async (args, message) => {
    const { status, stderr } = await folderWithLibrary().run(['assets', 'scan', ...args])
    expect(status).toBe(2)
    expect(stderr).toMatch(message)
  })

  test('says in a line that the state cannot be opened', async () => {
    const folder = folderWithLibrary()
    folder.write('data', 'a file where a directory belongs')
    const { status, stderr } = await folder.run(['assets', 'scan', 'library'])
    expect(status).toBe(2)
    expect(stderr).toMatch(/^cannot open the state in \S+\/data: .+\n$/)
  })

  test('beside a running gateway makes files downloadable at once', async () => {
    const gateway = await startTestGateway({
      files: { 'a.mp4': 'content' },
      config: { apis: { origin: 'library', elytron: {} } },
    })
    const folder = cliFolder()
    const config = join(gateway.directory, 'config/gateway.yaml')
    const { stdout } = await folder.run(['assets', 'scan', 'library', '-c', config, '--json'])
    const { added } = JSON.parse(stdout) as { added: { id: string }[] }
    const target = gateway.sign(`/assets/${added[0]?.id}/original/a.mp4`)
    expect(await (await fetch(gateway.url + target)).text()).toBe('content')
    await gateway.close()
  })
})

describe('sluice assets list', () => {
  test('shows one asset a line, and none where no gateway ever ran', async () => {
    const folder = folderWithLibrary()
    expect(await folder.run(['assets', 'list'])).toMatchObject({ status: 0, stdout: '' })
    await folder.run(['assets', 'scan', 'library', '--prefix', 'shows/deep/'])
    const { stdout } = await folder.run(['assets', 'list'])
    expect(stdout).toMatch(/^[0-9a-f]{24} {2}ready {6} library: shows\/deep\/ü\.pdf\n$/)
  })
})
