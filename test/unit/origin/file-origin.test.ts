import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileOrigin } from '../../../src/origin/file-origin.ts'
import { SMALLEST_READ } from '../../../src/origin/read-buffers.ts'
import { originContract } from '../../contract/origin-contract.ts'
import { CollectingSink, readAll } from '../../support/collecting-sink.ts'
import { openFilesBelow, until } from '../../support/open-files.ts'

function temporaryDirectory(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'file-origin-')))
}

originContract('FileOrigin', async (objects) => {
  const root = temporaryDirectory()
  for (const [name, content] of objects) {
    mkdirSync(join(root, dirname(name)), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  return {
    origin: new FileOrigin({ root }),
    allReturned: () => until(() => openFilesBelow(root) === 0),
    dispose: async () => rmSync(root, { recursive: true }),
  }
})

describe('FileOrigin', () => {
  let base: string
  let root: string
  let origin: FileOrigin

  beforeEach(() => {
    base = temporaryDirectory()
    root = join(base, 'root')
    mkdirSync(root)
    mkdirSync(join(base, 'outside'))
    mkdirSync(join(base, 'root-neighbour'))
    writeFileSync(join(base, 'outside/secret'), 'secret')
    writeFileSync(join(base, 'root-neighbour/secret'), 'secret')
    writeFileSync(join(root, 'plain.txt'), 'plain')
    origin = new FileOrigin({ root })
  })

  afterEach(() => {
    rmSync(base, { recursive: true })
  })

  async function stateOf(name: string): Promise<string> {
    const found = await origin.open({ name, want: 'body' })
    if (found.state === 'found') found.close()
    return found.state
  }

  it('a root that is missing or a file is refused at once', () => {
    expect(() => new FileOrigin({ root: join(base, 'nothing') })).toThrow(
      /nothing cannot be used.*ENOENT/,
    )
    expect(() => new FileOrigin({ root: join(root, 'plain.txt') })).toThrow('is not a directory')
  })

  it('a root behind a link is served', async () => {
    symlinkSync(root, join(base, 'link-to-root'))
    const linked = new FileOrigin({ root: join(base, 'link-to-root') })
    const found = await linked.open({ name: 'plain.txt', want: 'body' })
    expect(found.state).toBe('found')
    if (found.state === 'found') found.close()
  })

  it('links that leave the root are missing, links that stay in it are followed', async () => {
    symlinkSync('../outside/secret', join(root, 'relative'))
    symlinkSync(join(base, 'outside/secret'), join(root, 'absolute'))
    symlinkSync('../outside', join(root, 'directory'))
    symlinkSync('../root-neighbour/secret', join(root, 'neighbour'))
    symlinkSync('loop', join(root, 'loop'))
    symlinkSync('plain.txt', join(root, 'inside'))
    for (const name of ['relative', 'absolute', 'directory/secret', 'neighbour', 'loop']) {
      expect([name, await stateOf(name)]).toEqual([name, 'missing'])
    }
    expect(await stateOf('inside')).toBe('found')
    await until(() => openFilesBelow(base) === 0)
  })

  it('a directory that becomes a link while files are opened never lets one out', async () => {
    mkdirSync(join(root, 'real'))
    writeFileSync(join(root, 'real/secret'), 'public')
    symlinkSync('real', join(root, 'swap'))
    for (let i = 0; i < 300; i++) {
      const opening = Promise.all(
        Array.from({ length: 4 }, () => origin.open({ name: 'swap/secret', want: 'body' })),
      )
      symlinkSync(i % 2 ? 'real' : '../outside', join(root, 'next'))
      renameSync(join(root, 'next'), join(root, 'swap'))
      for (const found of await opening) {
        if (found.state === 'missing') continue
        expect((await readAll(found, 0, 6)).toString()).toBe('public')
        found.close()
      }
    }
    await until(() => openFilesBelow(base) === 0)
  })

  it.each(['directory', 'fifo', 'dir/', 'plain.txt/', 'x'.repeat(300)])(
    'what is no regular file is missing: %s',
    async (name) => {
      mkdirSync(join(root, 'directory'))
      mkdirSync(join(root, 'dir'))
      execFileSync('mkfifo', [join(root, 'fifo')])
      expect(await stateOf(name)).toBe('missing')
      await until(() => openFilesBelow(base) === 0)
    },
  )

  it('a device behind a link is missing', async () => {
    symlinkSync('/dev/zero', join(root, 'zero'))
    expect(await stateOf('zero')).toBe('missing')
  })

  it('a file that became shorter fails the transfer', async () => {
    const path = join(root, 'shrinking')
    writeFileSync(path, Buffer.alloc(100_000, 1))
    const found = await origin.open({ name: 'shrinking', want: 'body' })
    if (found.state !== 'found') throw new Error('missing')
    const sink = new CollectingSink()
    found.send(0, 100_000, sink)
    truncateSync(path, 50_000)
    expect(await sink.done).toMatchObject({ code: 'ERR_ORIGIN_READ' })
    expect(sink.length).toBeLessThanOrEqual(50_000)
    found.close()
    await until(() => openFilesBelow(base) === 0)
  })

  it('a file that was deleted while open is read to its end', async () => {
    const found = await origin.open({ name: 'plain.txt', want: 'body' })
    if (found.state !== 'found') throw new Error('missing')
    rmSync(join(root, 'plain.txt'))
    expect((await readAll(found, 0, 5)).toString()).toBe('plain')
    found.close()
  })

  it('the entity tag is strong and changes with the content', async () => {
    const tags = new Set<string | undefined>()
    for (const content of ['a', 'b', 'cc']) {
      writeFileSync(join(root, 'next'), content)
      renameSync(join(root, 'next'), join(root, 'tagged'))
      const found = await origin.open({ name: 'tagged', want: 'metadata' })
      if (found.state !== 'found') throw new Error('missing')
      expect(found.meta.etag).toMatch(/^"[0-9a-z]+-[0-9a-z]+-[0-9a-z]+"$/)
      tags.add(found.meta.etag)
      found.close()
    }
    expect(tags.size).toBe(3)
  })

  it('a file that may not be read is a failure', async () => {
    writeFileSync(join(root, 'closed'), 'x', { mode: 0 })
    chmodSync(root, 0o755)
    // root may read everything
    const isRoot = process.geteuid?.() === 0
    if (isRoot) process.seteuid?.('nobody')
    try {
      await expect(origin.open({ name: 'closed', want: 'body' })).rejects.toMatchObject({
        code: 'ERR_ORIGIN_READ',
      })
    } finally {
      if (isRoot) process.seteuid?.(0)
    }
  })

  it('a slow reader holds one small buffer', async () => {
    writeFileSync(join(root, 'large'), Buffer.alloc(1_000_000))
    const found = await origin.open({ name: 'large', want: 'body' })
    if (found.state !== 'found') throw new Error('missing')
    const sink = new CollectingSink()
    sink.isRefusing = true
    found.send(0, 1_000_000, sink)
    await sink.written()
    expect(sink.held?.buffer.byteLength).toBe(SMALLEST_READ)
    found.close()
  })
})
