import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileOrigin } from '../../../src/origin/file-origin.ts'
import { readAll } from '../../support/collecting-sink.ts'

let base: string
let root: string
let origin: FileOrigin

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'file-writer-')))
  root = join(base, 'root')
  mkdirSync(root)
  mkdirSync(join(base, 'outside'))
  writeFileSync(join(base, 'outside/secret'), 'secret')
  origin = new FileOrigin({ root })
})

afterEach(() => {
  rmSync(base, { recursive: true })
})

const HOSTILE = [
  '',
  '.',
  '..',
  '../outside/new',
  'a/../../outside/new',
  '/etc/new',
  'a//b',
  'a/',
  'nul\0',
  'line\nbreak',
  'back\\slash',
  'lone\ud800',
  '.sluice-part-x',
  'a/.sluice-part-x',
  'a/.Sluice-Part-x',
]

async function put(name: string, content: string): Promise<void> {
  const staged = await origin.stage(name)
  writeFileSync(staged.file, content)
  await staged.publish()
}

async function read(name: string): Promise<string | undefined> {
  const object = await origin.open({ name, want: 'body' })
  if (object.state === 'missing') return undefined
  const bytes = await readAll(object, 0, object.meta.size ?? 0)
  object.close()
  return bytes.toString()
}

async function listed(prefix = ''): Promise<string[]> {
  const names: string[] = []
  for await (const name of origin.list(prefix)) names.push(name)
  return names.toSorted()
}

describe('an object that is put into a file origin', () => {
  it('is there when it is published and not before, in directories that are made', async () => {
    const staged = await origin.stage('deep/er/ü b.txt')
    writeFileSync(staged.file, 'content')
    expect(await read('deep/er/ü b.txt')).toBeUndefined()
    expect(await listed()).toEqual([])
    await staged.publish()
    expect(await read('deep/er/ü b.txt')).toBe('content')
    expect(await listed()).toEqual(['deep/er/ü b.txt'])
    expect(readdirSync(join(root, 'deep/er'))).toEqual(['ü b.txt'])
  })

  it('is written in the directory of its place, under a name that no object has', async () => {
    const { file } = await origin.stage('deep/a.txt')
    expect(dirname(file)).toBe(join(root, 'deep'))
    expect(basename(file)).toMatch(/^\.sluice-part-[\w-]{22}$/)
    writeFileSync(file, 'half')
    const name = `deep/${basename(file)}`
    expect(await read(name)).toBeUndefined()
    expect(await origin.localFile(name)).toBeUndefined()
    expect(await origin.remove(name)).toBe(false)
    expect(existsSync(file)).toBe(true)
  })

  it('replaces an older one, which a reader that has it open reads to its end', async () => {
    await put('a.txt', 'the old content')
    const old = await origin.open({ name: 'a.txt', want: 'body' })
    if (old.state !== 'found') throw new Error('missing')
    await put('a.txt', 'new')
    expect((await readAll(old, 0, old.meta.size ?? 0)).toString()).toBe('the old content')
    old.close()
    expect(await read('a.txt')).toBe('new')
  })

  it('goes on with what an earlier stage of the name left, and of no other', async () => {
    writeFileSync((await origin.stage('a.txt')).file, 'left by a crash')
    const again = await new FileOrigin({ root }).stage('a.txt')
    expect(readFileSync(again.file, 'utf8')).toBe('left by a crash')
    expect(existsSync((await origin.stage('b.txt')).file)).toBe(false)
  })

  it('is thrown away twice as once, and a published one not at all', async () => {
    const staged = await origin.stage('a.txt')
    writeFileSync(staged.file, 'x')
    await staged.discard()
    await staged.discard()
    expect(readdirSync(root)).toEqual([])
    const other = await origin.stage('a.txt')
    writeFileSync(other.file, 'y')
    await other.publish()
    const next = await origin.stage('a.txt')
    writeFileSync(next.file, 'z')
    await other.discard()
    expect(await read('a.txt')).toBe('y')
    expect(readFileSync(next.file, 'utf8')).toBe('z')
  })

  it('fails when nothing was written, or when its place is taken by a directory', async () => {
    const staged = await origin.stage('a.txt')
    await expect(staged.publish()).rejects.toMatchObject({ code: 'ERR_ORIGIN_WRITE' })
    mkdirSync(join(root, 'taken'))
    const taken = await origin.stage('taken')
    writeFileSync(taken.file, 'x')
    await expect(taken.publish()).rejects.toMatchObject({ code: 'ERR_ORIGIN_WRITE' })
    await taken.discard()
    expect(existsSync(taken.file)).toBe(false)
    writeFileSync(join(root, 'file'), '')
    await expect(origin.stage('file/below')).rejects.toMatchObject({ code: 'ERR_ORIGIN_WRITE' })
  })

  it.each(HOSTILE)('is refused under the name %j', async (name) => {
    await expect(origin.stage(name)).rejects.toMatchObject({ code: 'ERR_ORIGIN_WRITE' })
    expect(readdirSync(root)).toEqual([])
    expect(readdirSync(join(base, 'outside'))).toEqual(['secret'])
  })

  it('never leaves the root through a link', async () => {
    symlinkSync('../outside', join(root, 'out'))
    await expect(origin.stage('out/new')).rejects.toMatchObject({ code: 'ERR_ORIGIN_WRITE' })
    await expect(origin.stage('out/deep/new')).rejects.toMatchObject({ code: 'ERR_ORIGIN_WRITE' })
    const staged = await origin.stage('in/new')
    writeFileSync(staged.file, 'x')
    rmSync(join(root, 'in'), { recursive: true })
    symlinkSync('../outside', join(root, 'in'))
    await expect(staged.publish()).rejects.toMatchObject({ code: 'ERR_ORIGIN_WRITE' })
    expect(readdirSync(join(base, 'outside'))).toEqual(['secret'])
  })

  it('is never written through a link that lies in the place of its leftover', async () => {
    const { file } = await origin.stage('a.txt')
    symlinkSync(join(base, 'outside/secret'), file)
    const staged = await origin.stage('a.txt')
    writeFileSync(staged.file, 'new')
    await staged.publish()
    expect(readFileSync(join(base, 'outside/secret'), 'utf8')).toBe('secret')
    expect(await read('a.txt')).toBe('new')
  })

  it('replaces a link in its place and leaves alone what that leads to', async () => {
    symlinkSync('../outside/secret', join(root, 'a.txt'))
    await put('a.txt', 'new')
    expect(await read('a.txt')).toBe('new')
    expect(readFileSync(join(base, 'outside/secret'), 'utf8')).toBe('secret')
  })
})

describe('an object of a file origin', () => {
  beforeEach(() => {
    mkdirSync(join(root, 'deep/er'), { recursive: true })
    writeFileSync(join(root, 'deep/er/a.txt'), 'a')
    writeFileSync(join(root, 'b.txt'), 'b')
    symlinkSync('deep/er/a.txt', join(root, 'inside'))
    symlinkSync('../outside/secret', join(root, 'outside'))
    symlinkSync('../outside', join(root, 'away'))
    symlinkSync('.', join(root, 'ring'))
    symlinkSync('nowhere', join(root, 'dangling'))
  })

  it('is removed once', async () => {
    expect(await origin.remove('deep/er/a.txt')).toBe(true)
    expect(await origin.remove('deep/er/a.txt')).toBe(false)
    expect(await read('deep/er/a.txt')).toBeUndefined()
  })

  it('that is a link is removed without what it leads to', async () => {
    expect(await origin.remove('inside')).toBe(true)
    expect(await read('deep/er/a.txt')).toBe('a')
  })

  it.each([...HOSTILE, 'outside', 'away/secret', 'away', 'deep', 'dangling', 'no'])(
    'is none under the name %j: nothing is removed and no file is told',
    async (name) => {
      expect(await origin.localFile(name)).toBeUndefined()
      expect(await origin.remove(name)).toBe(false)
      expect(readFileSync(join(base, 'outside/secret'), 'utf8')).toBe('secret')
      expect(readdirSync(root)).toHaveLength(7)
    },
  )

  it('is told as a local file, behind links that stay below the root', async () => {
    expect(await origin.localFile('b.txt')).toBe(join(root, 'b.txt'))
    expect(await origin.localFile('inside')).toBe(join(root, 'deep/er/a.txt'))
    expect(await origin.localFile('ring/b.txt')).toBe(join(root, 'b.txt'))
  })

  it('is listed where it lies and where a link to it lies, below the root alone', async () => {
    writeFileSync((await origin.stage('deep/new')).file, 'half')
    expect(await listed()).toEqual(['b.txt', 'deep/er/a.txt', 'inside'])
    expect(await listed('deep/')).toEqual(['deep/er/a.txt'])
    expect(await listed('ring/')).toEqual(['ring/b.txt', 'ring/deep/er/a.txt', 'ring/inside'])
    for (const prefix of ['away/', '../', 'no/', 'b.txt/', 'deep/../']) {
      expect(await listed(prefix)).toEqual([])
    }
  })
})
