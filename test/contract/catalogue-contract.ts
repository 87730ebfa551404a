import { afterEach, beforeEach, describe, expect } from 'vitest'
import type { Asset, Catalogue, Order, Rendition } from '../../src/catalogue/catalogue.ts'
import type { DefineTest } from '../support/programs.ts'

/** A catalogue under test, empty at first. */
export interface CatalogueUnderTest {
  readonly catalogue: Catalogue
  dispose(): Promise<void>
}

const NOW = 1_800_000_000

function asset(id: string, rest: Partial<Asset> = {}): Asset {
  return {
    id,
    filename: `${id}.mp4`,
    origin: 'library',
    object: `objects/${id}.mp4`,
    requireSigned: false,
    status: 'ready',
    createdAt: NOW,
    ...rest,
  }
}

function rendition(assetId: string, rest: Partial<Rendition> = {}): Rendition {
  return {
    assetId,
    format: 'webm',
    status: 'pending',
    percent: 0,
    origin: 'library',
    object: `made/${assetId}.webm`,
    isGiven: false,
    ...rest,
  }
}

function order(assetId: string, rest: Partial<Order> = {}): Order {
  return { assetId, format: 'webm', holder: 'elytron', orderedAt: NOW, keepSeconds: 60, ...rest }
}

/** What every `Catalogue` keeps. */
export function catalogueContract(
  name: string,
  make: () => Promise<CatalogueUnderTest>,
  it: DefineTest,
): void {
  describe(`${name} keeps the catalogue contract`, () => {
    let tested: CatalogueUnderTest
    let catalogue: Catalogue

    beforeEach(async () => {
      tested = await make()
      catalogue = tested.catalogue
    })

    afterEach(() => tested.dispose())

    const idsFrom = async (after: string, limit: number): Promise<string[]> =>
      (await catalogue.assets(after, limit)).map(({ id }) => id)

    describe('assets', () => {
      for (const put of [
        asset('plain'),
        asset('whole', { pipelineId: 'P 1', requireSigned: true, status: 'processing' }),
        asset('archive', { origin: '', object: '', members: ['b', 'a'] }),
        asset('ünïcode', { filename: '日本語 🎬 "\\.mp4', object: "o'brien/%20.mp4" }),
      ]) {
        it(`come back as they were put: ${put.id}`, async () => {
          await catalogue.putAsset(put, [])
          expect(await catalogue.asset(put.id)).toEqual(put)
          expect(await catalogue.asset('other')).toBeUndefined()
        })
      }

      it('are replaced whole: what is not said any longer is gone', async () => {
        await catalogue.putAsset(asset('a', { pipelineId: 'P', members: ['b'] }), [])
        await catalogue.putAsset(asset('a', { filename: 'new.mp4' }), [])
        expect(await catalogue.asset('a')).toEqual(asset('a', { filename: 'new.mp4' }))
        expect(await catalogue.assetOf('objects/a.mp4', 'P')).toBeUndefined()
      })

      it('are listed by bytes of their ids, those behind a given one', async () => {
        for (const id of ['b', 'a', 'B', '10', '9', '_', 'ab', '-'])
          await catalogue.putAsset(asset(id), [])
        expect(await idsFrom('', 100)).toEqual(['-', '10', '9', 'B', '_', 'a', 'ab', 'b'])
        expect(await idsFrom('9', 3)).toEqual(['B', '_', 'a'])
        expect(await idsFrom('aa', 3)).toEqual(['ab', 'b'])
        expect(await idsFrom('b', 3)).toEqual([])
      })

      it('are found by object and pipeline, the newest of them', async () => {
        const object = 'same.mp4'
        await catalogue.putAsset(asset('old', { object, pipelineId: 'P' }), [])
        const newest = asset('new', { object, pipelineId: 'P', createdAt: NOW + 1 })
        await catalogue.putAsset(newest, [])
        await catalogue.putAsset(asset('other', { object, pipelineId: 'Q' }), [])
        await catalogue.putAsset(asset('none', { object, createdAt: NOW + 9 }), [])
        expect(await catalogue.assetOf(object, 'P')).toEqual(newest)
        expect((await catalogue.assetOf(object, 'Q'))?.id).toBe('other')
        expect(await catalogue.assetOf(object, 'R')).toBeUndefined()
        expect(await catalogue.assetOf('other.mp4', 'P')).toBeUndefined()
      })

      it('go with their renditions and orders, once', async () => {
        await catalogue.putAsset(asset('a'), [rendition('a', { isGiven: true })])
        await catalogue.putAsset(asset('b'), [rendition('b')])
        await catalogue.putOrder(order('a'))
        await catalogue.putOrder(order('b'))
        expect(await catalogue.removeAsset('a')).toBe(true)
        expect(await catalogue.removeAsset('a')).toBe(false)
        expect(await catalogue.asset('a')).toBeUndefined()
        expect(await catalogue.renditions('a')).toEqual([])
        expect(await catalogue.orders('a', 'webm')).toEqual([])
        expect(await catalogue.renditions('b')).toHaveLength(1)
        expect(await catalogue.orders('b', 'webm')).toHaveLength(1)
      })
    })

    describe('renditions', () => {
      it('that are given with an asset are put with it, and the others stay', async () => {
        await catalogue.putRendition(rendition('a', { format: 'mov' }))
        const given = rendition('a', { status: 'ready', percent: 100, isGiven: true, readyAt: NOW })
        await catalogue.putAsset(asset('a'), [given])
        expect(await catalogue.rendition('a', 'webm')).toEqual(given)
        expect((await catalogue.renditions('a')).map(({ format }) => format)).toEqual([
          'mov',
          'webm',
        ])
        expect(await catalogue.rendition('a', 'flv')).toBeUndefined()
        expect(await catalogue.rendition('b', 'webm')).toBeUndefined()
      })

      it('are replaced whole', async () => {
        await catalogue.putRendition(
          rendition('a', { status: 'failed', error: 'why', failedAt: 1 }),
        )
        await catalogue.putRendition(rendition('a'))
        expect(await catalogue.rendition('a', 'webm')).toEqual(rendition('a'))
      })

      it('are changed as long as they are there, and never made by a change', async () => {
        await catalogue.putRendition(rendition('a'))
        expect(await catalogue.changeRendition('a', 'webm', { percent: 40 })).toBe(true)
        expect(await catalogue.rendition('a', 'webm')).toEqual(rendition('a', { percent: 40 }))
        await catalogue.removeRendition('a', 'webm')
        expect(await catalogue.changeRendition('a', 'webm', { percent: 50 })).toBe(false)
        expect(await catalogue.rendition('a', 'webm')).toBeUndefined()
      })

      it('are replaced and changed only as long as they are what was read, if that is asked', async () => {
        const first = rendition('a', { object: 'made/1.webm' })
        const second = rendition('a', { object: 'made/2.webm', percent: 7 })
        expect(await catalogue.replaceRendition(first, 'made/0.webm')).toBe(false)
        expect(await catalogue.rendition('a', 'webm')).toBeUndefined()
        expect(await catalogue.replaceRendition(first, undefined)).toBe(true)
        expect(await catalogue.replaceRendition(second, undefined)).toBe(false)
        expect(await catalogue.replaceRendition(second, 'made/1.webm')).toBe(true)
        expect(await catalogue.replaceRendition(first, 'made/1.webm')).toBe(false)
        expect(await catalogue.changeRendition('a', 'webm', { percent: 9 }, first.object)).toBe(
          false,
        )
        await catalogue.putOrder(order('a'))
        await catalogue.removeRendition('a', 'webm', first.object)
        expect(await catalogue.rendition('a', 'webm')).toEqual(second)
        expect(await catalogue.orders('a', 'webm')).toHaveLength(1)
        expect(await catalogue.changeRendition('a', 'webm', { percent: 9 }, second.object)).toBe(
          true,
        )
        expect((await catalogue.renditionsIn(['pending'])).map(({ percent }) => percent)).toEqual([
          9,
        ])
        await catalogue.removeRendition('a', 'webm', second.object)
        expect(await catalogue.rendition('a', 'webm')).toBeUndefined()
        expect(await catalogue.orders('a', 'webm')).toEqual([])
      })

      it('changed by many at once lose no change, and only one takes the place of another', async () => {
        await catalogue.putRendition(rendition('a', { object: 'made/0.webm' }))
        const changes = [{ percent: 5 }, { size: 6 }, { readyAt: 7 }, { error: 'why' }]
        await Promise.all(changes.map((change) => catalogue.changeRendition('a', 'webm', change)))
        expect(await catalogue.rendition('a', 'webm')).toMatchObject(Object.assign({}, ...changes))
        const outcomes = await Promise.all(
          ['1', '2', '3'].map((object) =>
            catalogue.replaceRendition(rendition('a', { object }), 'made/0.webm'),
          ),
        )
        expect(outcomes.filter((isReplaced) => isReplaced)).toHaveLength(1)
      })

      it('go with their orders, and those of other formats stay', async () => {
        await catalogue.putRendition(rendition('a'))
        await catalogue.putRendition(rendition('a', { format: 'flv' }))
        await catalogue.putOrder(order('a'))
        await catalogue.putOrder(order('a', { format: 'flv' }))
        await catalogue.removeRendition('a', 'webm')
        await catalogue.removeRendition('a', 'webm')
        expect(await catalogue.orders('a', 'webm')).toEqual([])
        expect(await catalogue.orders('a', 'flv')).toHaveLength(1)
        expect(await catalogue.rendition('a', 'flv')).toBeDefined()
      })

      it('are found by their states, in the order in which they came', async () => {
        await catalogue.putRendition(rendition('c'))
        await catalogue.putRendition(rendition('a'))
        await catalogue.putRendition(rendition('b', { status: 'ready' }))
        await catalogue.changeRendition('a', 'webm', { status: 'processing' })
        await catalogue.changeRendition('c', 'webm', { percent: 1 })
        const ids = async (...statuses: Rendition['status'][]): Promise<string[]> =>
          (await catalogue.renditionsIn(statuses)).map(({ assetId }) => assetId)
        expect(await ids('pending', 'processing')).toEqual(['c', 'a'])
        expect(await ids('processing')).toEqual(['a'])
        expect(await ids('ready')).toEqual(['b'])
        expect(await ids('failed')).toEqual([])
      })
    })

    describe('orders', () => {
      it('are one for each asset, format and holder: the last', async () => {
        await catalogue.putOrder(order('a'))
        await catalogue.putOrder(order('a', { orderedAt: NOW + 5 }))
        await catalogue.putOrder(order('a', { holder: 'ibm' }))
        await catalogue.putOrder(order('a', { format: 'mov' }))
        const found = await catalogue.orders('a', 'webm')
        expect(found.map(({ holder }) => holder).toSorted()).toEqual(['elytron', 'ibm'])
        expect(await catalogue.order('a', 'webm', 'elytron')).toEqual(
          order('a', { orderedAt: NOW + 5 }),
        )
        expect(await catalogue.order('a', 'webm', 'stream')).toBeUndefined()
        await catalogue.removeOrder('a', 'webm', 'elytron')
        await catalogue.removeOrder('a', 'webm', 'elytron')
        expect(await catalogue.orders('a', 'webm')).toEqual([order('a', { holder: 'ibm' })])
        expect(await catalogue.orders('a', 'mov')).toHaveLength(1)
      })

      it('keep a rendition that was made until the last of them has run out', async () => {
        const expired = async (now: number): Promise<string[]> =>
          (await catalogue.expired(now)).map(({ assetId }) => assetId)
        const ready = { status: 'ready', percent: 100, readyAt: NOW } as const
        await catalogue.putRendition(rendition('a', ready))
        await catalogue.putOrder(order('a', { orderedAt: NOW - 100 }))
        await catalogue.putOrder(order('a', { holder: 'ibm', keepSeconds: 90 }))
        expect(await expired(NOW + 89)).toEqual([])
        expect(await expired(NOW + 90)).toEqual(['a'])
        await catalogue.putOrder(order('a', { orderedAt: NOW + 80 }))
        expect(await expired(NOW + 139)).toEqual([])
        expect(await expired(NOW + 140)).toEqual(['a'])
        const { keepSeconds: _, ...endless } = order('a', { holder: 'stream' })
        await catalogue.putOrder(endless)
        expect(await expired(NOW + 1e9)).toEqual([])
      })

      it('are no matter of renditions that are given, and none is kept without one', async () => {
        const ready = { status: 'ready', percent: 100, readyAt: NOW } as const
        await catalogue.putRendition(rendition('given', { ...ready, isGiven: true }))
        await catalogue.putRendition(rendition('made', ready))
        await catalogue.putRendition(rendition('waiting'))
        expect((await catalogue.expired(NOW)).map(({ assetId }) => assetId)).toEqual(['made'])
      })
    })
  })
}
