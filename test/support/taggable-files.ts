import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ByteReader, Placement, TagCarrier } from '../../src/tag/carrier.ts'
import { ROOT } from './sluice.ts'

/** The files that the checkout ships: one of each kind that carries tags. */
export function libraryFile(name: 'demo.mp4' | 'guide.pdf' | 'bundle.zip'): Buffer {
  return readFileSync(join(ROOT, 'examples/library', name))
}

/** A file in memory that counts how often and how much is read. */
export class MemoryFile implements ByteReader {
  reads = 0
  bytesRead = 0
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get size(): number {
    return this.#bytes.length
  }

  read(start: number, end: number): Promise<Buffer> {
    if (start < 0 || start > end || end > this.size) throw new Error(`read(${start}, ${end})`)
    this.reads++
    this.bytesRead += end - start
    return Promise.resolve(Buffer.from(this.#bytes.subarray(start, end)))
  }
}

/** The place for a tag, or why there is none. */
export async function surveyed(carrier: TagCarrier, bytes: Buffer): Promise<Placement | string> {
  const found = await carrier.survey(new MemoryFile(bytes))
  return 'why' in found ? found.why : found
}

/** The whole file with a tag in it. Throws where it cannot carry one. */
export async function tagged(carrier: TagCarrier, bytes: Buffer, sealed: string): Promise<Buffer> {
  const placement = await surveyed(carrier, bytes)
  if (typeof placement === 'string') throw new Error(placement)
  const edit = placement.edit(Buffer.from(sealed))
  if ('why' in edit) throw new Error(edit.why)
  const patched = Buffer.from(bytes)
  for (const patch of edit.patches) patched.set(patch.bytes, patch.offset)
  return Buffer.concat([patched, edit.suffix])
}

/** A box of ISO/IEC 14496-12 section 4.2, with its size in 32 or 64 bits. */
export function box(type: string, body: Buffer = Buffer.alloc(0), isLong = false): Buffer {
  const header = Buffer.alloc(isLong ? 16 : 8)
  header.write(type, 4, 'latin1')
  if (isLong) {
    header.writeUInt32BE(1, 0)
    header.writeBigUInt64BE(BigInt(16 + body.length), 8)
  } else header.writeUInt32BE(8 + body.length, 0)
  return Buffer.concat([header, body])
}

/** The structure of a film, without anything that would play. */
export function film(...more: readonly Buffer[]): Buffer {
  return Buffer.concat([
    box('ftyp', Buffer.from('isom\0\0\0\0')),
    box('moov', Buffer.alloc(40, 1)),
    box('mdat', Buffer.alloc(100, 2)),
    ...more,
  ])
}

/** An archive of no entries: nothing but its end, and a comment. */
export function emptyZip(comment: string | Buffer = '', declared?: number): Buffer {
  const bytes = Buffer.from(comment)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(declared ?? bytes.length, 20)
  return Buffer.concat([end, bytes])
}

/** A document of one empty page, with right offsets. */
export function onePagePdf(ending = '\n'): Buffer {
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] >>',
  ]
  let text = '%PDF-1.4\n'
  const offsets: number[] = []
  for (const [i, object] of objects.entries()) {
    offsets.push(text.length)
    text += `${i + 1} 0 obj\n${object}\nendobj\n`
  }
  const start = text.length
  text += 'xref\n0 4\n0000000000 65535 f \n'
  for (const offset of offsets) text += `${String(offset).padStart(10, '0')} 00000 n \n`
  text += `trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n${start}\n%%EOF${ending}`
  return Buffer.from(text, 'latin1')
}

/** The catalogue, found as a reader finds it: by the last `startxref`, the table there and its trailer. */
export function pdfCatalogue(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  if (text.lastIndexOf('%%EOF') < text.length - 1024)
    throw new Error('no end in the last 1,024 bytes')
  const start = Number(
    /^startxref\s+(\d+)\s+%%EOF\s*$/.exec(text.slice(text.lastIndexOf('startxref')))?.[1],
  )
  const table = /^xref\s+0 (\d+)\s([^t]*)trailer\s*<<(.*?)>>/s.exec(text.slice(start))
  const root = Number(/\/Root (\d+) 0 R/.exec(table?.[3] ?? '')?.[1])
  const entry = (table?.[2] ?? '').split('\n')[root] ?? ''
  const object = text.slice(Number(entry.slice(0, 10)))
  const found = new RegExp(`^${root} 0 obj\\s*(<<.*?>>)`, 's').exec(object)?.[1]
  if (found === undefined) throw new Error('the catalogue is not where the table says')
  return found
}
