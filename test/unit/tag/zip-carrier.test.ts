import { describe, expect, it } from 'vitest'
import { zipCarrier } from '../../../src/tag/zip-carrier.ts'
import {
  emptyZip,
  libraryFile,
  MemoryFile,
  surveyed,
  tagged,
} from '../../support/taggable-files.ts'

const SEALED = 'SluiceTag1.k.cGF5bG9hZA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'

/** The comment as a strict reader finds it: no other bytes may follow. */
function commentOf(bytes: Buffer): string {
  const at = bytes.lastIndexOf('PK\x05\x06')
  const comment = bytes.toString('latin1', at + 22)
  expect(bytes.readUInt16LE(at + 20)).toBe(comment.length)
  return comment
}

describe('a tagged archive', () => {
  it.each([
    ['without a comment', emptyZip(), SEALED],
    ['with a comment', emptyZip('hello'), `hello\n${SEALED}`],
    ['of the checkout', libraryFile('bundle.zip'), SEALED],
  ])('%s has the tag in its comment and differs in nothing else', async (_, bytes, comment) => {
    const result = await tagged(zipCarrier, bytes, SEALED)
    expect(commentOf(result)).toBe(comment)
    const restored = Buffer.from(result.subarray(0, bytes.length))
    const end = bytes.lastIndexOf('PK\x05\x06')
    restored.set(bytes.subarray(end + 20, end + 22), end + 20)
    expect(restored.equals(bytes)).toBe(true)
    expect(await zipCarrier.find(new MemoryFile(result))).toBe(SEALED)
  })

  it('has a comment of at most 65,535 bytes', async () => {
    const room = 0xffff - SEALED.length - 1
    const full = emptyZip('x'.repeat(room))
    expect(commentOf(await tagged(zipCarrier, full, SEALED))).toHaveLength(0xffff)
    await expect(tagged(zipCarrier, emptyZip('x'.repeat(room + 1)), SEALED)).rejects.toThrow(
      'leaves no room',
    )
  })

  it('can be tagged again: the last tag counts', async () => {
    const once = await tagged(zipCarrier, emptyZip(), 'SluiceTag1.first')
    const twice = await tagged(zipCarrier, once, SEALED)
    expect(await zipCarrier.find(new MemoryFile(twice))).toBe(SEALED)
  })

  it('with the beginning of another end in its comment is patched in the right place', async () => {
    const bytes = emptyZip(emptyZip('', 9))
    const result = await tagged(zipCarrier, bytes, SEALED)
    expect(result.readUInt16LE(20)).toBe(result.length - 22)
    expect(await zipCarrier.find(new MemoryFile(result))).toBe(SEALED)
  })

  it('with numbers in ZIP64 is one, too', async () => {
    const bytes = emptyZip()
    bytes.fill(0xff, 12, 20)
    expect(commentOf(await tagged(zipCarrier, bytes, SEALED))).toBe(SEALED)
  })
})

describe('what carries no tag', () => {
  const outside = emptyZip()
  outside.writeUInt32LE(1, 12)

  it.each([
    ['nothing', Buffer.alloc(0), 'it has no end'],
    ['a text', Buffer.from('PK'), 'it has no end'],
    ['a cut end', emptyZip().subarray(0, -1), 'it has no end'],
    ['a comment that is shorter than declared', emptyZip('x', 2), 'it has no end'],
    ['bytes behind the comment', emptyZip('xx', 1), 'it has no end'],
    ['a directory that cannot be there', outside, 'it has no end'],
    ['a whole end in the comment of another', emptyZip(emptyZip('x')), 'it has two ends'],
  ])('%s', async (_, bytes, why) => {
    expect(await surveyed(zipCarrier, bytes)).toContain(why)
    expect(await zipCarrier.find(new MemoryFile(bytes))).toBeUndefined()
  })

  it.each(['', 'hello', 'SluiceTag2.x', `see ${SEALED}`])(
    'the comment %j is no tag',
    async (text) => {
      expect(await zipCarrier.find(new MemoryFile(emptyZip(text)))).toBeUndefined()
    },
  )

  it('only the tail is read', async () => {
    const file = new MemoryFile(Buffer.concat([Buffer.alloc(1_000_000), emptyZip()]))
    await zipCarrier.survey(file)
    expect(file).toMatchObject({ reads: 1, bytesRead: 22 + 0xffff })
  })
})
