import { stat } from 'node:fs/promises'
import type { Asset, Rendition } from '../catalogue/catalogue.ts'
import type { Origin } from '../origin/origin.ts'
import { isWritable, type StagedObject, type WritableOrigin } from '../origin/writable-origin.ts'
import { copyObject } from './local-copy.ts'
import { type Transcoder, TranscodeError } from './transcoder.ts'

export interface RenditionJob {
  readonly asset: Asset
  readonly rendition: Rendition
  readonly source: Origin
  readonly target: WritableOrigin
  readonly transcoder: Transcoder
  readonly maxBytes: number
  readonly onProgress: (percent: number) => void
  readonly signal: AbortSignal
}

export interface MadeRendition {
  /** Complete, and not yet published. */
  readonly staged: StagedObject
  readonly size: number
}

/** Makes a rendition up to the point where it could be published. What fails leaves nothing behind. */
export async function makeRendition(job: RenditionJob): Promise<MadeRendition> {
  const { asset, rendition, source, target } = job
  const staged = await target.stage(rendition.object)
  try {
    if (isWritable(source)) {
      const file = await source.localFile(asset.object)
      if (file === undefined) throw new TranscodeError('the source object is missing')
      return await transcode(job, file, staged)
    }
    const copy = await target.stage(copyName(rendition))
    try {
      const { maxBytes, signal } = job
      await copyObject({ origin: source, name: asset.object, file: copy.file, maxBytes, signal })
      return await transcode(job, copy.file, staged)
    } finally {
      await copy.discard()
    }
  } catch (error) {
    await staged.discard()
    throw error
  }
}

/** Removes everything that an attempt may have left, its object among it. */
export async function removeTraces(origin: WritableOrigin, rendition: Rendition): Promise<void> {
  for (const name of [rendition.object, copyName(rendition)]) {
    const staged = await origin.stage(name)
    await staged.discard()
  }
  await origin.remove(rendition.object)
}

/** The copy of a source lies beside its rendition: there is room for one, and it shows under no name. */
function copyName(rendition: Rendition): string {
  return `${rendition.object}.source`
}

async function transcode(
  { rendition: { format }, transcoder, onProgress, signal }: RenditionJob,
  source: string,
  staged: StagedObject,
): Promise<MadeRendition> {
  await transcoder.make({ source, target: staged.file, format, onProgress, signal })
  const { size } = await stat(staged.file)
  return { staged, size }
}
