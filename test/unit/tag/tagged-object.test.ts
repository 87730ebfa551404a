import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Transfer } from '../../../src/base/byte-sink.ts'
import type { ObjectMeta, OpenObject } from '../../../src/origin/origin.ts'
import type { TagEdit } from '../../../src/tag/carrier.ts'
import { TaggedObject } from '../../../src/tag/tagged-object.ts'
import { CollectingSink, readAll } from '../../support/collecting-sink.ts'
import { MemoryOrigin } from '../../support/memory-origin.ts'

const EDIT: TagEdit = { suffix: Buffer.from('SUFFIX'), patches: [] }

async function opened(
  bytes: Buffer,
  { meta = {}, ...origin }: { chunkSize?: number; meta?: Partial<ObjectMeta> } = {},
): Promise<OpenObject> {
  const object = await new MemoryOrigin({ a: { bytes, meta } }, origin).open({
    name: 'a',
    want: 'body',
  })
  if (object.state === 'missing') throw new Error('missing')
  return object
}

/** Refuses the chunks that `refusals` say, and takes them up again in a later turn. */
function reluctant(refusals: readonly boolean[]): {
  sink: CollectingSink
  start: (begun: Transfer) => void
} {
  const sink = new CollectingSink()
  let transfer: Transfer | undefined
  sink.onWrite = () => {
    sink.isRefusing = refusals[(sink.writes - 1) % refusals.length] ?? false
    if (sink.isRefusing) setImmediate(() => transfer?.resume())
  }
  return {
    sink,
    start: (begun) => {
      transfer = begun
    },
  }
}

const edits = fc.record({
  body: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  suffix: fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  at: fc.nat(60),
  patch: fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
})

describe('the bytes', () => {
  it('of any range are those of the whole, however they come and go', async () => {
    await fc.assert(
      fc.asyncProperty(
        edits,
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
        fc.nat(90),
        fc.nat(90),
        async ({ body, suffix, at, patch }, chunkSize, refusals, one, other) => {
          const offset = Math.min(at, body.length)
          const bytes = patch.subarray(0, body.length - offset)
          const whole = Buffer.concat([body, suffix])
          whole.set(bytes, offset)
          const [start = 0, end = 0] = [one, other]
            .map((position) => Math.min(position, whole.length))
            .toSorted((a, b) => a - b)
          const untouched = Buffer.from(body)
          const object = new TaggedObject(await opened(body, { chunkSize }), body.length, {
            suffix,
            patches: [{ offset, bytes }],
          })
          const { sink, start: begin } = reluctant(refusals)
          begin(object.send(start, end, sink))
          expect(await sink.done).toBeUndefined()
          expect(sink.bytes).toEqual(whole.subarray(start, end))
          // the memory of the source is not ours to patch
          expect(body).toEqual(untouched)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('of several ranges can be read one after the other', async () => {
    const object = new TaggedObject(await opened(Buffer.from('body')), 4, EDIT)
    expect((await readAll(object, 2, 6)).toString()).toBe('dySU')
    expect((await readAll(object, 8, 10)).toString()).toBe('IX')
    expect((await readAll(object, 0, 10)).toString()).toBe('bodySUFFIX')
    expect((await readAll(object, 0, 0)).toString()).toBe('')
  })
})

describe('a transfer', () => {
  it('calls its sink only when the caller holds it', async () => {
    const object = new TaggedObject(await opened(Buffer.from('body')), 4, EDIT)
    const sink = new CollectingSink()
    object.send(4, 10, sink)
    expect(sink.writes).toBe(0)
    await sink.done
    expect(sink.bytes.toString()).toBe('SUFFIX')
  })

  it('does not end before the suffix that was refused is taken', async () => {
    const object = new TaggedObject(await opened(Buffer.from('body')), 4, EDIT)
    const sink = new CollectingSink()
    sink.isRefusing = true
    const transfer = object.send(4, 10, sink)
    await sink.written()
    await new Promise(setImmediate)
    expect(sink.isDone).toBe(false)
    transfer.resume()
    expect(sink.isDone).toBe(true)
    transfer.resume()
    expect(sink.writes).toBe(1)
  })

  it.each([0, 4])('that was aborted at %i calls its sink no more', async (start) => {
    const object = new TaggedObject(await opened(Buffer.from('body')), 4, EDIT)
    const sink = new CollectingSink()
    const transfer = object.send(start, 10, sink)
    transfer.abort()
    transfer.abort()
    transfer.resume()
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    expect([sink.writes, sink.isDone]).toEqual([0, false])
  })

  it('that is aborted while it writes the suffix does not end', async () => {
    const object = new TaggedObject(await opened(Buffer.from('body')), 4, EDIT)
    const sink = new CollectingSink()
    const transfer = object.send(4, 10, sink)
    sink.onWrite = () => {
      transfer.abort()
    }
    await sink.written()
    expect(sink.isDone).toBe(false)
  })

  it('that breaks at the origin fails, and no suffix follows', async () => {
    const origin = new MemoryOrigin({ a: 'a longer body' })
    origin.failAfterBytes = 5
    const object = await origin.open({ name: 'a', want: 'body' })
    if (object.state === 'missing') throw new Error('missing')
    const sink = new CollectingSink()
    new TaggedObject(object, 13, EDIT).send(0, 19, sink)
    expect((await sink.done)?.code).toBe('ERR_ORIGIN_READ')
    expect(sink.bytes.toString()).toBe('a lon')
  })
})

describe('the metadata', () => {
  it('counts the suffix and keeps the rest', async () => {
    const meta = { contentType: 'video/mp4', lastModified: 5 }
    const object = new TaggedObject(await opened(Buffer.from('body'), { meta }), 4, EDIT)
    expect(object.meta).toMatchObject({ ...meta, size: 10 })
  })

  it.each([
    ['"abc"', /^"abc-t[0-9a-f]{12}"$/],
    ['W/"abc"', /^W\/"abc-t[0-9a-f]{12}"$/],
    ['""', /^"-t[0-9a-f]{12}"$/],
  ])('names other bytes than %s', async (etag, expected) => {
    const object = new TaggedObject(await opened(Buffer.from('body'), { meta: { etag } }), 4, EDIT)
    expect(object.meta.etag).toMatch(expected)
  })

  it('has the same entity tag for the same tag alone', async () => {
    const etagOf = async (suffix: string): Promise<string | undefined> =>
      new TaggedObject(await opened(Buffer.from('body')), 4, {
        suffix: Buffer.from(suffix),
        patches: [],
      }).meta.etag
    expect(await etagOf('one')).toBe(await etagOf('one'))
    expect(await etagOf('one')).not.toBe(await etagOf('two'))
  })

  it('has no entity tag where the origin has none', async () => {
    const object = await opened(Buffer.from('body'), { meta: { etag: undefined } })
    expect(new TaggedObject(object, 4, EDIT).meta.etag).toBeUndefined()
  })

  it('is of an object that closes with the other', async () => {
    const origin = new MemoryOrigin({ a: 'body' })
    const object = await origin.open({ name: 'a', want: 'body' })
    if (object.state === 'missing') throw new Error('missing')
    new TaggedObject(object, 4, EDIT).close()
    expect(origin.openObjects).toBe(0)
  })
})
