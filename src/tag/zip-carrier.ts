import type { ByteReader, TagCarrier, Unfit } from './carrier.ts'
import { TAG_MARK } from './tag.ts'

/** "End of central directory" (APPNOTE.TXT section 4.3.16), without the comment behind it. */
const END_RECORD = 22
const SIGNATURE = Buffer.from('PK\x05\x06', 'latin1')
const DIRECTORY_SIZE = 12
const DIRECTORY_OFFSET = 16
const COMMENT_LENGTH = 20
const MAX_COMMENT = 0xffff

/** The real number stands in the record of ZIP64. */
const IN_ZIP64 = 0xffffffff

interface End {
  /** Of the record, in the file. */
  readonly offset: number
  readonly comment: Buffer
}

/** ZIP: the archive comment, behind one that is there already, with its length patched. */
export const zipCarrier: TagCarrier = {
  mediaTypes: ['application/zip', 'application/x-zip-compressed'],

  async survey(file) {
    const end = await findEnd(file)
    if ('why' in end) return end
    const { offset, comment } = end
    const length = comment.length
    return {
      edit(sealed) {
        const suffix = length === 0 ? sealed : Buffer.concat([Buffer.from('\n'), sealed])
        if (length + suffix.length > MAX_COMMENT) {
          return { why: `its comment has ${length} bytes and leaves no room` }
        }
        const bytes = Buffer.alloc(2)
        bytes.writeUInt16LE(length + suffix.length)
        return { suffix, patches: [{ offset: offset + COMMENT_LENGTH, bytes }] }
      },
    }
  },

  async find(file) {
    const end = await findEnd(file)
    if ('why' in end) return undefined
    const text = end.comment.toString('latin1')
    const start = text.lastIndexOf(TAG_MARK)
    return start === 0 || text[start - 1] === '\n' ? text.slice(start) : undefined
  },
}

/**
 * The record whose comment reaches exactly to the end of the file. Two of them, one inside the comment
 * of the other, are refused: readers disagree on which counts, and a patch must change the right one.
 */
async function findEnd(file: ByteReader): Promise<End | Unfit> {
  const start = Math.max(0, file.size - END_RECORD - MAX_COMMENT)
  const tail = await file.read(start, file.size)
  const ends: End[] = []
  for (
    let at = tail.lastIndexOf(SIGNATURE);
    at >= 0;
    at = at === 0 ? -1 : tail.lastIndexOf(SIGNATURE, at - 1)
  ) {
    const record = tail.subarray(at)
    const isWhole =
      record.length >= END_RECORD &&
      record.readUInt16LE(COMMENT_LENGTH) === record.length - END_RECORD
    if (!isWhole || !holdsDirectory(record, start + at)) continue
    ends.push({ offset: start + at, comment: record.subarray(END_RECORD) })
  }
  const [end] = ends
  if (!end) return { why: 'it has no end of central directory at its end' }
  return ends.length === 1 ? end : { why: 'it has two ends of central directory' }
}

/** Whether the central directory fits in before its end. */
function holdsDirectory(record: Buffer, offset: number): boolean {
  const size = record.readUInt32LE(DIRECTORY_SIZE)
  const begin = record.readUInt32LE(DIRECTORY_OFFSET)
  return size === IN_ZIP64 || begin === IN_ZIP64 || begin + size <= offset
}
