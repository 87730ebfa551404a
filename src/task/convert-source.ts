import type { Format } from '../catalogue/format.ts'
import type { StagedObject, WritableOrigin } from '../origin/writable-origin.ts'
import type { MediaInfo, Transcoder } from '../rendition/transcoder.ts'
import type { Quality } from './quality.ts'
import { renamed } from './source-filename.ts'
import { TaskError } from './task.ts'

/** A file on its way to its place. */
export interface StagedFile {
  readonly staged: StagedObject
  readonly object: string
  readonly filename: string
}

export interface Conversion {
  readonly source: StagedFile
  readonly quality: Exclude<Quality, { readonly kind: 'best' }>
  readonly origin: WritableOrigin
  /** The folder of the origin that the result goes into, with a slash at its end. */
  readonly folder: string
  readonly transcoder: Transcoder
  readonly onPercent: (percent: number) => void
  readonly signal: AbortSignal
}

interface Wanted {
  readonly format: Format
  readonly maxHeight?: number
}

/** What the quality asks for, made of the source; the source itself where it needs no change. */
export async function convertSource(conversion: Conversion): Promise<StagedFile> {
  const { source, quality, origin, folder, transcoder, onPercent, signal } = conversion
  const info = await look(conversion)
  const wanted = info && wantedOf(quality, info)
  if (!wanted) return source
  const suffix = wanted.maxHeight === undefined ? '-audio' : `-${wanted.maxHeight}p`
  const object = folder + renamed(source.filename, suffix, wanted.format)
  // a program that outlived a crash goes on writing to the file it knows, which is thrown away here
  await (await origin.stage(object)).discard()
  const staged = await origin.stage(object)
  try {
    await transcoder.make({
      ...wanted,
      source: source.staged.file,
      target: staged.file,
      onProgress: onPercent,
      signal,
    })
  } catch (cause) {
    await staged.discard()
    if (signal.aborted) throw cause
    throw new TaskError('The file cannot be converted to the quality that was asked for', { cause })
  }
  return { staged, object, filename: renamed(source.filename, '', wanted.format) }
}

/** Undefined for what is no media: such a file stays as it is, whatever the quality. */
async function look({ source, transcoder, signal }: Conversion): Promise<MediaInfo | undefined> {
  try {
    return await transcoder.probe(source.staged.file, signal)
  } catch (cause) {
    if (signal.aborted) throw cause
    throw new TaskError('There is no program here that could make the quality asked for', { cause })
  }
}

/** Undefined: the source is what is wanted. */
function wantedOf(quality: Conversion['quality'], info: MediaInfo): Wanted | undefined {
  const { audio, container, video } = info
  if (quality.kind === 'picture') {
    const { maxHeight } = quality
    return video && video.height > maxHeight ? { format: 'mp4', maxHeight } : undefined
  }
  if (!audio) throw new TaskError('The source has no sound')
  return !video && container.split(',').includes('m4a') ? undefined : { format: 'm4a' }
}
