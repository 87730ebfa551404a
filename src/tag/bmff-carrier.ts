import { type Box, walkBoxes } from './bmff-boxes.ts'
import type { Placement, TagCarrier } from './carrier.ts'
import { MAX_SEALED_BYTES } from './tag.ts'

/** The extended type of the box that holds a tag. */
const TAG_BOX = Buffer.from('0844abfb7fec459f8ef9c8cf18b95600', 'hex')

/** Size, `uuid`, extended type. */
const BOX_HEADER = 8 + TAG_BOX.length

const BEHIND_THE_LAST_BOX: Placement = {
  edit(sealed) {
    const header = Buffer.alloc(8)
    header.writeUInt32BE(BOX_HEADER + sealed.length, 0)
    header.write('uuid', 4, 'latin1')
    return { suffix: Buffer.concat([header, TAG_BOX, sealed]), patches: [] }
  },
}

/**
 * MP4 and its kin: a `uuid` box behind the last one. Readers skip boxes that they do not know, and no
 * offset in the file changes (ISO/IEC 14496-12 sections 4.2 and 11.1).
 */
export const bmffCarrier: TagCarrier = {
  mediaTypes: [
    'video/mp4',
    'video/x-m4v',
    'video/quicktime',
    'audio/mp4',
    'audio/x-m4a',
    'application/mp4',
  ],

  async survey(file) {
    let holdsMedia = false
    const why = await walkBoxes(file, ({ type }) => {
      holdsMedia ||= type === 'moov' || type === 'moof'
    })
    if (why !== undefined) return { why }
    return holdsMedia ? BEHIND_THE_LAST_BOX : { why: 'it has no moov box' }
  },

  async find(file) {
    const candidates: Box[] = []
    await walkBoxes(file, (box) => {
      const length = box.end - box.start
      if (box.type !== 'uuid' || length <= BOX_HEADER || length > BOX_HEADER + MAX_SEALED_BYTES) {
        return
      }
      candidates.push(box)
    })
    for (const { start, end } of candidates.toReversed()) {
      const box = await file.read(start, end)
      if (box.subarray(8, BOX_HEADER).equals(TAG_BOX)) return box.toString('latin1', BOX_HEADER)
    }
    return undefined
  },
}
