import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Asset, Rendition, Status } from '../../../src/catalogue/catalogue.ts'
import { CatalogueOrigin } from '../../../src/catalogue/catalogue-origin.ts'
import { SqliteCatalogue } from '../../../src/catalogue/sqlite-catalogue.ts'
import { FileOrigin } from '../../../src/origin/file-origin.ts'
import type { Origin } from '../../../src/origin/origin.ts'
import { openMemoryDatabase } from '../../../src/state/database.ts'
import { originContract } from '../../contract/origin-contract.ts'
import { readAll } from '../../support/collecting-sink.ts'
import { MemoryOrigin } from '../../support/memory-origin.ts'
import { openFilesBelow, until } from '../../support/open-files.ts'

function asset(id: string, object: string, rest: Partial<Asset> = {}): Asset {
  return {
    id,
    filename: 'a',
    origin: 'library',
    object,
    requireSigned: false,
    status: 'ready',
    createdAt: 1,
    ...rest,
  }
}

function rendition(status: Status, rest: Partial<Rendition> = {}): Rendition {
  return {
    assetId: 'a',
    format: 'mov',
    status,
    percent: 0,
    origin: 'library',
    object: 'made.bin',
    isGiven: false,
    ...rest,
  }
}

originContract('CatalogueOrigin', async (objects) => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'catalogue-origin-')))
  const catalogue = new SqliteCatalogue(openMemoryDatabase())
  const names = new Map<string, string>()
  for (const [i, [object, bytes]] of [...objects].entries()) {
    mkdirSync(join(root, dirname(object)), { recursive: true })
    writeFileSync(join(root, object), bytes)
    await catalogue.putAsset(asset(`id-${i}`, object), [])
    names.set(object, `id-${i}/original/file`)
  }
  const inner = new CatalogueOrigin(catalogue, new Map([['library', new FileOrigin({ root })]]))
  const origin: Origin = {
    kind: inner.kind,
    // an asset stands for each object of the contract
    open: (request) => inner.open({ ...request, name: names.get(request.name) ?? request.name }),
    close: () => {
      inner.close()
    },
  }
  return {
    origin,
    allReturned: () => until(() => openFilesBelow(root) === 0),
    dispose: async () => rmSync(root, { recursive: true }),
  }
})

describe('CatalogueOrigin', () => {
  let library: MemoryOrigin
  let catalogue: SqliteCatalogue
  let origin: CatalogueOrigin

  beforeEach(() => {
    library = new MemoryOrigin({ 'a.mp4': 'source', 'made.bin': 'made' })
    catalogue = new SqliteCatalogue(openMemoryDatabase())
    origin = new CatalogueOrigin(catalogue, new Map([['library', library]]))
  })

  async function open(name: string): Promise<{ text: string; type: string | undefined } | string> {
    const found = await origin.open({ name, want: 'body' })
    if (found.state === 'missing') return 'missing'
    const text = (await readAll(found, 0, found.meta.size ?? 0)).toString()
    found.close()
    return { text, type: found.meta.contentType }
  }

  it("opens the asset's own object and its renditions, whatever the file name says", async () => {
    await catalogue.putAsset(asset('a', 'a.mp4'), [rendition('ready', { isGiven: true })])
    const source = { text: 'source', type: 'application/octet-stream' }
    expect(await open('a/original/any name.txt')).toEqual(source)
    expect(await open('a/mov/x')).toEqual({ text: 'made', type: 'video/quicktime' })
    expect(library.openObjects).toBe(0)
  })

  it.each(['pending', 'processing', 'failed'] as const)(
    'has nothing that is %s',
    async (status) => {
      await catalogue.putAsset(asset('a', 'a.mp4', { status }), [])
      await catalogue.putRendition(rendition(status))
      expect(await open('a/original/x')).toBe('missing')
      expect(await open('a/mov/x')).toBe('missing')
      expect(library.requests).toEqual([])
    },
  )

  it.each([
    'a',
    'a/original',
    'a/original/',
    'a/original/x/y',
    '/original/x',
    'a//x',
    'a/webm/x',
    'a/avi/x',
    'a/toString/x',
    'b/original/x',
    'box/original/x',
    'gone/original/x',
    'elsewhere/original/x',
  ])('has nothing under %j', async (name) => {
    await catalogue.putAsset(asset('a', 'a.mp4'), [])
    await catalogue.putAsset(asset('box', '', { origin: '', members: ['a'] }), [])
    await catalogue.putAsset(asset('gone', 'gone.mp4'), [])
    await catalogue.putAsset(asset('elsewhere', 'a.mp4', { origin: 'archive' }), [])
    expect(await open(name)).toBe('missing')
  })
})
