import type { ByteReader, TagCarrier } from './carrier.ts'
import { MAX_SEALED_BYTES, TAG_MARK } from './tag.ts'

/** Readers look for the end within the last 1,024 bytes; some files have a little garbage behind it. */
const TAIL = 2048

/** Lines outside of streams shall not be longer than 255 bytes (ISO 32000-1 section 7.5.1). */
const LINE = 200

const END = /startxref\s+(\d{1,15})\s+%%EOF/g

/** A tag in comment lines, each of them complete, before the end that follows it. */
const TAGGED_END = /[\r\n]((?:%[A-Za-z0-9._~-]+\n)+)startxref\n\d{1,15}\n%%EOF/g

/**
 * PDF: comment lines behind the end, then the end again with the old offset of the cross-references
 * (ISO 32000-1 sections 7.2.4 and 7.5.5). Nothing before it changes.
 */
export const pdfCarrier: TagCarrier = {
  mediaTypes: ['application/pdf'],

  async survey(file) {
    const ends = [...(await tailOf(file, TAIL)).matchAll(END)]
    const offset = Number(ends.at(-1)?.[1] ?? NaN)
    if (Number.isNaN(offset)) return { why: 'it has no startxref and %%EOF at its end' }
    if (offset >= file.size) return { why: 'its startxref leads behind its end' }
    return {
      edit(sealed) {
        const lines = sealed.toString('latin1').match(new RegExp(`.{1,${LINE}}`, 'g')) ?? []
        const comment = lines.map((line) => `%${line}\n`).join('')
        const text = `\n${comment}startxref\n${offset}\n%%EOF\n`
        return { suffix: Buffer.from(text, 'latin1'), patches: [] }
      },
    }
  },

  async find(file) {
    const tail = await tailOf(file, TAIL + 2 * MAX_SEALED_BYTES)
    for (const [, comment = ''] of [...tail.matchAll(TAGGED_END)].toReversed()) {
      const text = comment.replaceAll(/[%\n]/g, '')
      if (text.startsWith(TAG_MARK)) return text
    }
    return undefined
  },
}

async function tailOf(file: ByteReader, length: number): Promise<string> {
  const bytes = await file.read(Math.max(0, file.size - length), file.size)
  return bytes.toString('latin1')
}
