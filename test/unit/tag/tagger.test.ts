import { describe, expect, it } from 'vitest'
import { KeyRing } from '../../../src/link/key-ring.ts'
import type { ObjectMeta, OpenObject } from '../../../src/origin/origin.ts'
import { findTag, whyUntaggable } from '../../../src/tag/carriers.ts'
import { openTag, TAG_SCHEME } from '../../../src/tag/tag.ts'
import { Tagger, type TagRequest } from '../../../src/tag/tagger.ts'
import { readAll } from '../../support/collecting-sink.ts'
import { MemoryOrigin } from '../../support/memory-origin.ts'
import { NOW, secretKey } from '../../support/request-parts.ts'
import { film, MemoryFile } from '../../support/taggable-files.ts'

const KEY = secretKey('t1', 1, { schemes: new Set([TAG_SCHEME]) })
const TAG = { linkId: 'order-7', text: 'copy 12', time: NOW }

const REQUEST: TagRequest = {
  tag: TAG,
  origin: 'library',
  name: 'a.mp4',
  mediaType: 'video/mp4',
  now: NOW,
  signal: new AbortController().signal,
}

async function opened(meta: Partial<ObjectMeta> = {}, bytes = film()): Promise<OpenObject> {
  const origin = new MemoryOrigin({ a: { bytes, meta: { contentType: 'video/mp4', ...meta } } })
  const object = await origin.open({ name: 'a', want: 'metadata' })
  if (object.state === 'missing') throw new Error('missing')
  return object
}

/** Counts how often the structure of an object is read. */
function counted(object: OpenObject): { object: OpenObject; sends: () => number } {
  let sends = 0
  const send: OpenObject['send'] = (...args) => {
    sends++
    return object.send(...args)
  }
  return {
    object: { state: 'found', meta: object.meta, send, close: () => undefined },
    sends: () => sends,
  }
}

async function refusal(
  meta: Partial<ObjectMeta>,
  keys = [KEY],
  request: Partial<TagRequest> = {},
): Promise<unknown> {
  const result = await new Tagger(new KeyRing(keys)).tag(await opened(meta), {
    ...REQUEST,
    ...request,
  })
  return 'reason' in result ? `${result.reason}: ${result.detail}` : 'tagged'
}

describe('an object', () => {
  it('gets a tag that is found and opened again', async () => {
    const tagged = await new Tagger(new KeyRing([KEY])).tag(await opened(), REQUEST)
    if ('reason' in tagged) throw new Error(tagged.detail)
    const bytes = await readAll(tagged, 0, tagged.meta.size ?? 0)
    const sealed = await findTag(new MemoryFile(bytes))
    expect(openTag(sealed ?? '', [KEY])).toMatchObject({ outcome: 'genuine', tag: TAG, kid: 't1' })
  })

  it.each<[string, Partial<ObjectMeta>, string]>([
    ['of another type', { contentType: 'video/webm' }, "video/webm can't carry a tag"],
    ['of a text', { contentType: 'text/plain; charset=utf-8' }, "text/plain can't carry a tag"],
    ['in a coding', { contentEncoding: 'gzip' }, 'the object is coded as gzip'],
    ['of unknown size', { size: undefined }, 'the origin does not say the size'],
  ])('%s is refused', async (_, meta, why) => {
    expect(await refusal(meta)).toContain(`link_constraint_unsupported: autograph_tag: ${why}`)
  })

  it.each<[string, Partial<ObjectMeta>, string, string]>([
    ['that the origin knows nothing of', { contentType: undefined }, 'video/mp4', 'tagged'],
    ['of bytes', { contentType: 'application/octet-stream' }, 'video/mp4', 'tagged'],
    ['of bytes', { contentType: 'application/octet-stream' }, 'text/css', "text/css can't carry"],
    ['with parameters', { contentType: 'Video/MP4; codecs="avc1"' }, 'text/css', 'tagged'],
  ])('%s is taken for what its name says: %j', async (_, meta, mediaType, expected) => {
    expect(await refusal(meta, [KEY], { mediaType })).toContain(expected)
  })

  it.each([
    ['is none', []],
    ['is one for links alone', [secretKey('k1', 1)]],
    ['is retired', [{ ...KEY, retireAt: NOW }]],
    ['waits', [{ ...KEY, notBefore: NOW + 1 }]],
  ])('is refused while its key %s', async (_, keys) => {
    expect(await refusal({}, keys)).toContain('there is no active key for sluice-tag')
  })

  it('whose bytes are broken is refused with what is wrong', async () => {
    const object = await opened({}, film().subarray(0, -1))
    const result = await new Tagger(new KeyRing([KEY])).tag(object, REQUEST)
    expect(result).toMatchObject({ detail: expect.stringContaining('has a wrong size') as unknown })
  })
})

describe('the structure of an object', () => {
  it('is read once for all requests of the same version', async () => {
    const tagger = new Tagger(new KeyRing([KEY]))
    const first = counted(await opened())
    await tagger.tag(first.object, REQUEST)
    expect(first.sends()).toBeGreaterThan(0)
    const second = counted(await opened())
    await tagger.tag(second.object, { ...REQUEST, tag: { ...TAG, linkId: 'order-8' } })
    expect(second.sends()).toBe(0)
  })

  it.each<[string, Partial<ObjectMeta>, Partial<TagRequest>]>([
    ['another version', { etag: '"other"' }, {}],
    ['another object', {}, { name: 'b.mp4' }],
    ['another origin', {}, { origin: 'elsewhere' }],
  ])('is read again for %s', async (_, meta, request) => {
    const tagger = new Tagger(new KeyRing([KEY]))
    await tagger.tag(await opened(), REQUEST)
    const other = counted(await opened(meta))
    await tagger.tag(other.object, { ...REQUEST, ...request })
    expect(other.sends()).toBeGreaterThan(0)
  })

  it.each([['W/"weak"'], [undefined]])('is read each time with the entity tag %s', async (etag) => {
    const tagger = new Tagger(new KeyRing([KEY]))
    await tagger.tag(await opened({ etag }), REQUEST)
    const again = counted(await opened({ etag }))
    await tagger.tag(again.object, REQUEST)
    expect(again.sends()).toBeGreaterThan(0)
  })

  it('that an origin fails to deliver is no refusal but a failure, and is not remembered', async () => {
    const origin = new MemoryOrigin({ a: { bytes: film(), meta: { contentType: 'video/mp4' } } })
    const tagger = new Tagger(new KeyRing([KEY]))
    const attempt = async (): Promise<unknown> => {
      const object = await origin.open({ name: 'a', want: 'metadata' })
      if (object.state === 'missing') throw new Error('missing')
      return tagger.tag(object, REQUEST)
    }
    origin.failAfterBytes = 3
    await expect(attempt()).rejects.toMatchObject({ code: 'ERR_ORIGIN_READ' })
    origin.failAfterBytes = Infinity
    expect(await attempt()).toMatchObject({ state: 'found' })
  })

  it('is given up when the client is gone', async () => {
    const abort = new AbortController()
    const tagging = new Tagger(new KeyRing([KEY])).tag(await opened(), {
      ...REQUEST,
      signal: abort.signal,
    })
    abort.abort()
    await expect(tagging).rejects.toMatchObject({ code: 'ERR_CLIENT_ABORTED' })
  })
})

describe('media types', () => {
  it.each([
    'video/mp4',
    'video/x-m4v',
    'video/quicktime',
    'audio/mp4',
    'audio/x-m4a',
    'application/pdf',
    'application/zip',
    'Application/PDF; version=1',
  ])('%s can carry a tag', (type) => {
    expect(whyUntaggable(type)).toBeUndefined()
  })

  it.each(['video/webm', 'application/octet-stream', 'text/plain', 'application/epub+zip'])(
    '%s cannot, and is named',
    (type) => {
      expect(whyUntaggable(type)).toBe(`${type} can't carry a tag`)
    },
  )
})
