import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bmffCarrier } from '../../../src/tag/bmff-carrier.ts'
import {
  box,
  film,
  libraryFile,
  MemoryFile,
  surveyed,
  tagged,
} from '../../support/taggable-files.ts'

const SEALED = 'SluiceTag1.k.cGF5bG9hZA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'

describe('a tagged film', () => {
  it.each([
    ['with boxes of 32 bits', film()],
    ['with a box of 64 bits', film(box('mdat', Buffer.alloc(9), true))],
    ['in fragments', Buffer.concat([box('ftyp'), box('moof', Buffer.alloc(9)), box('mdat')])],
    ['with boxes of nothing but a header', film(box('free'), box('skip'))],
    ['of the checkout', libraryFile('demo.mp4')],
  ])('%s is the film, and a uuid box behind it', async (_, bytes) => {
    const result = await tagged(bmffCarrier, bytes, SEALED)
    expect(result.subarray(0, bytes.length).equals(bytes)).toBe(true)
    const suffix = result.subarray(bytes.length)
    expect(suffix.readUInt32BE(0)).toBe(suffix.length)
    expect(suffix.toString('latin1', 4, 8)).toBe('uuid')
    expect(suffix.toString('latin1', 24)).toBe(SEALED)
    expect(await bmffCarrier.find(new MemoryFile(result))).toBe(SEALED)
  })

  it('can be tagged again: the last tag counts', async () => {
    const once = await tagged(bmffCarrier, film(), 'SluiceTag1.first')
    const twice = await tagged(bmffCarrier, once, SEALED)
    expect(await bmffCarrier.find(new MemoryFile(twice))).toBe(SEALED)
  })

  it('is traced even when bytes were added behind it', async () => {
    const result = await tagged(bmffCarrier, film(), SEALED)
    const more = Buffer.concat([result, Buffer.from('trailing bytes')])
    expect(await bmffCarrier.find(new MemoryFile(more))).toBe(SEALED)
  })
})

describe('what carries no tag', () => {
  const long = (size: bigint): Buffer => {
    const header = Buffer.alloc(24)
    header.writeUInt32BE(1, 0)
    header.write('mdat', 4)
    header.writeBigUInt64BE(size, 8)
    return header
  }
  const short = (size: number): Buffer => {
    const header = Buffer.alloc(24)
    header.writeUInt32BE(size, 0)
    header.write('mdat', 4)
    return header
  }
  it.each([
    ['an empty file', Buffer.alloc(0), 'it is empty'],
    ['an open-ended box', film(short(0)), 'its last box is open-ended'],
    ['a box that is longer than the file', film(short(25)), 'the box at 172 has a wrong size'],
    ['a box shorter than its header', film(short(7)), 'the box at 172 has a wrong size'],
    ['a long box shorter than its header', film(long(15n)), 'the box at 172 has a wrong size'],
    ['a long box that is too long', film(long(25n)), 'the box at 172 has a wrong size'],
    ['a box of 2^63 bytes', film(long(1n << 63n)), 'the box at 172 has a wrong size'],
    ['a cut long header', film(long(24n).subarray(0, 12)), 'the box at 172 has a wrong size'],
    ['bytes behind the last box', film(Buffer.alloc(5)), '5 bytes follow the last box'],
    ['a cut film', film().subarray(0, -1), 'the box at 64 has a wrong size'],
    ['boxes without a film', Buffer.concat([box('ftyp'), box('free')]), 'it has no moov box'],
    ['a text', Buffer.from('<!doctype html><title>404</title>'), 'the box at 0 has a wrong size'],
    ['too many boxes', film(...Array<Buffer>(20_000).fill(box('free'))), 'more than 20000 boxes'],
  ])('%s', async (_, bytes, why) => {
    expect(await surveyed(bmffCarrier, bytes)).toContain(why)
    expect(await bmffCarrier.find(new MemoryFile(bytes))).toBeUndefined()
  })

  it('another uuid box is no tag', async () => {
    const other = film(box('uuid', Buffer.alloc(60, 7)), box('uuid', Buffer.alloc(3)))
    expect(await bmffCarrier.find(new MemoryFile(other))).toBeUndefined()
  })
})

describe('reading', () => {
  it('skips over large boxes', async () => {
    const file = new MemoryFile(film(box('mdat', Buffer.alloc(5_000_000)), box('free')))
    await bmffCarrier.survey(file)
    expect(file.bytesRead).toBeLessThan(4096)
  })

  it('takes many small boxes at once', async () => {
    const file = new MemoryFile(film(...Array<Buffer>(19_000).fill(box('free'))))
    await bmffCarrier.survey(file)
    expect(file.reads).toBeLessThan(20)
    expect(file.bytesRead).toBeLessThan(file.size + 1000)
  })

  it('ends on any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
            fc.constantFrom(box('moov'), box('mdat', Buffer.alloc(3), true), box('uuid')),
          ),
          { maxLength: 8 },
        ),
        async (pieces) => {
          const bytes = Buffer.concat(pieces)
          const placement = await surveyed(bmffCarrier, bytes)
          if (typeof placement === 'string') return
          const result = await tagged(bmffCarrier, bytes, SEALED)
          expect(await bmffCarrier.find(new MemoryFile(result))).toBe(SEALED)
        },
      ),
    )
  })
})
