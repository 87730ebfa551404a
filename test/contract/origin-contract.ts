import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OpenObject, Origin } from '../../src/origin/origin.ts'
import { CollectingSink, readAll } from '../support/collecting-sink.ts'

/** An origin under test with the objects that it was given. */
export interface OriginUnderTest {
  readonly origin: Origin
  /** What the origin holds for requests: descriptors or connections in use. Settles when that is 0. */
  allReturned(): Promise<void>
  dispose(): Promise<void>
}

const SMALL = Buffer.from('hello, world\n')
const LARGE = Buffer.concat(
  Array.from({ length: 3 * 1024 * 32 }, (_, i) => createHash('sha256').update(`${i}`).digest()),
)
const SPECIAL_NAMES = [
  'ünïcode/日本語 🎬.mp4',
  'space and+plus.txt',
  'percent%20literal%.txt',
  "sub!$&'()*,;=:@~-._.txt",
  'question?hash#.txt',
  'back\\slash"quote.txt',
  'dots...three/..hidden/.x',
]

/** The objects that each origin under test is made with. */
export const CONTRACT_OBJECTS: ReadonlyMap<string, Buffer> = new Map([
  ['small.txt', SMALL],
  ['large.mp4', LARGE],
  ['empty.bin', Buffer.alloc(0)],
  ['deep/er/file.json', Buffer.from('{}')],
  ...SPECIAL_NAMES.map((name) => [name, Buffer.from(`content of ${name}`)] as const),
])

/** What every `Origin` keeps. `make` gets the objects to serve. */
export function originContract(
  name: string,
  make: (objects: ReadonlyMap<string, Buffer>) => Promise<OriginUnderTest>,
): void {
  describe(`${name} keeps the origin contract`, () => {
    let tested: OriginUnderTest

    beforeEach(async () => {
      tested = await make(CONTRACT_OBJECTS)
    })

    afterEach(async () => {
      await tested.dispose()
    })

    async function find(object: string, want: 'metadata' | 'body' = 'body'): Promise<OpenObject> {
      const found = await tested.origin.open({ name: object, want })
      if (found.state !== 'found') throw new Error(`${object} is missing`)
      return found
    }

    it.each([
      'no-such-file',
      'no/such/directory',
      'small.txt/below',
      'deep',
      '.',
      '..',
      '../small.txt',
      'deep/../small.txt',
      'nul\0',
    ])('a name without an object is missing: %j', async (missing) => {
      expect(await tested.origin.open({ name: missing, want: 'body' })).toEqual({
        state: 'missing',
      })
      expect(await tested.origin.open({ name: missing, want: 'metadata' })).toEqual({
        state: 'missing',
      })
      await tested.allReturned()
    })

    it.each(['metadata', 'body'] as const)(
      'size, type and validators are told for %s',
      async (want) => {
        const { meta, ...object } = await find('large.mp4', want).then((found) => ({
          meta: found.meta,
          found,
        }))
        expect(meta.size).toBe(LARGE.length)
        expect(meta.contentType).toBe('video/mp4')
        expect(meta.etag).toMatch(/^(W\/)?"[^"]+"$/)
        expect(meta.lastModified).toSatisfy((at: number) => Number.isInteger(at) && at > 0)
        expect(meta.contentEncoding).toBeUndefined()
        object.found.close()
        await tested.allReturned()
      },
    )

    it('text has a charset and what is unknown is an octet stream', async () => {
      const text = await find('small.txt', 'metadata')
      const unknown = await find('dots...three/..hidden/.x', 'metadata')
      expect(text.meta.contentType).toBe('text/plain; charset=utf-8')
      expect(unknown.meta.contentType).toBe('application/octet-stream')
      text.close()
      unknown.close()
    })

    it('the same object has the same validators each time', async () => {
      const first = await find('small.txt', 'metadata')
      const second = await find('small.txt', 'body')
      expect(second.meta).toEqual(first.meta)
      first.close()
      second.close()
    })

    it.each([...CONTRACT_OBJECTS.keys()])('the whole of %j is read', async (object) => {
      const content = CONTRACT_OBJECTS.get(object) as Buffer
      const found = await find(object)
      expect((await readAll(found, 0, content.length)).equals(content)).toBe(true)
      found.close()
      await tested.allReturned()
    })

    it.each([
      { start: 0, end: 1 },
      { start: 100, end: 200 },
      { start: LARGE.length - 1, end: LARGE.length },
      { start: 12_345, end: 2_345_678 },
      { start: 5, end: 5 },
    ])('a range is read with and without the hint: %j', async ({ start, end }) => {
      const range = start < end ? { first: start, last: end - 1 } : undefined
      for (const hint of [undefined, range]) {
        const found = await tested.origin.open({ name: 'large.mp4', want: 'body', range: hint })
        if (found.state !== 'found') throw new Error('missing')
        expect(found.meta.size).toBe(LARGE.length)
        expect((await readAll(found, start, end)).equals(LARGE.subarray(start, end))).toBe(true)
        found.close()
      }
      await tested.allReturned()
    })

    it('a suffix and an open-ended hint are read', async () => {
      for (const range of [{ suffix: 10 }, { first: LARGE.length - 10, last: undefined }]) {
        const found = await tested.origin.open({ name: 'large.mp4', want: 'body', range })
        if (found.state !== 'found') throw new Error('missing')
        expect(found.meta.size).toBe(LARGE.length)
        expect(
          (await readAll(found, LARGE.length - 10, LARGE.length)).equals(LARGE.subarray(-10)),
        ).toBe(true)
        found.close()
      }
    })

    it('a hint that lies beyond the end finds the object all the same', async () => {
      const found = await tested.origin.open({
        name: 'small.txt',
        want: 'body',
        range: { first: 1000, last: undefined },
      })
      if (found.state !== 'found') throw new Error('missing')
      expect(found.meta.size).toBe(SMALL.length)
      expect(found.meta.etag).toBeDefined()
      found.close()
      await tested.allReturned()
    })

    it('ranges follow each other, in any order', async () => {
      const found = await find('large.mp4')
      for (const [start, end] of [
        [0, 10],
        [10, 20],
        [50_000, 400_000],
        [1_000_000, 1_000_010],
        [3, 7],
      ] as const) {
        expect((await readAll(found, start, end)).equals(LARGE.subarray(start, end))).toBe(true)
      }
      found.close()
      await tested.allReturned()
    })

    it('an object opened for its metadata is read all the same', async () => {
      const found = await find('small.txt', 'metadata')
      expect(await readAll(found, 7, 12)).toEqual(Buffer.from('world'))
      found.close()
      await tested.allReturned()
    })

    it('a sink that refuses gets no more, and its chunk stays as it is, until it resumes', async () => {
      const found = await find('large.mp4')
      const sink = new CollectingSink()
      sink.isRefusing = true
      const transfer = found.send(0, LARGE.length, sink)
      let expected = 0
      sink.onWrite = () => {
        const { held, writes, length } = sink
        const at = expected
        expected = length
        // later than any read that is under way
        setTimeout(() => {
          expect(sink.writes).toBe(writes)
          expect(Buffer.compare(held as Uint8Array, LARGE.subarray(at, length))).toBe(0)
          transfer.resume()
        }, 1)
      }
      expect(await sink.done).toBeUndefined()
      expect(sink.bytes.equals(LARGE)).toBe(true)
      found.close()
      await tested.allReturned()
    })

    it('the sink is not called before send() returned', async () => {
      const found = await find('small.txt')
      const sink = new CollectingSink()
      found.send(0, SMALL.length, sink)
      expect(sink.writes).toBe(0)
      await sink.done
      found.close()
    })

    it.each(['before a byte', 'in a write', 'while a chunk is held'])(
      'an abort gives everything back: %s',
      async (when) => {
        const found = await find('large.mp4')
        const sink = new CollectingSink()
        sink.isRefusing = when === 'while a chunk is held'
        const transfer = found.send(0, LARGE.length, sink)
        if (when === 'in a write')
          sink.onWrite = () => {
            transfer.abort()
          }
        if (when !== 'before a byte') await sink.written()
        transfer.abort()
        transfer.abort()
        transfer.resume()
        const { writes } = sink
        found.close()
        found.close()
        await tested.allReturned()
        expect(sink.writes).toBe(writes)
        expect(sink.isDone).toBe(false)
      },
    )

    it('an object that is closed unread gives everything back', async () => {
      for (const object of ['small.txt', 'large.mp4', 'empty.bin']) {
        const found = await find(object)
        found.close()
      }
      await expect(tested.allReturned()).resolves.toBeUndefined()
    })

    it('an abort after the end changes nothing for the next range', async () => {
      const found = await find('large.mp4')
      const sink = new CollectingSink()
      const first = found.send(0, 10, sink)
      await sink.done
      const next = readAll(found, 10, 20)
      first.abort()
      first.resume()
      expect((await next).equals(LARGE.subarray(10, 20))).toBe(true)
      found.close()
    })

    it('many transfers at once do not mix', async () => {
      await Promise.all(
        Array.from({ length: 24 }, async (_, i) => {
          const found = await find('large.mp4')
          const start = i * 1000
          expect(
            (await readAll(found, start, start + 700_000)).equals(
              LARGE.subarray(start, start + 700_000),
            ),
          ).toBe(true)
          found.close()
        }),
      )
      await tested.allReturned()
    })

    it('a client that is gone ends the search', async () => {
      const gone = AbortSignal.abort()
      await expect(
        tested.origin.open({ name: 'small.txt', want: 'body', signal: gone }),
      ).rejects.toMatchObject({
        code: 'ERR_CLIENT_ABORTED',
      })
      await tested.allReturned()
    })
  })
}
