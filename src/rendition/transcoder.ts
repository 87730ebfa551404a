import type { Format } from '../catalogue/format.ts'

/** What a media file is made of. */
export interface MediaInfo {
  /** The demuxer's names, as ffprobe writes them: `mov,mp4,m4a,3gp,3g2,mj2`. */
  readonly container: string
  /** Seconds; undefined when the file does not say. */
  readonly duration: number | undefined
  readonly video:
    { readonly codec: string; readonly width: number; readonly height: number } | undefined
  readonly audio: { readonly codec: string } | undefined
}

export interface TranscodeJob {
  /** Local files. */
  readonly source: string
  readonly target: string
  readonly format: Format
  /** The largest height of the picture in pixels; undefined keeps the source's. */
  readonly maxHeight?: number
  readonly onProgress: (percent: number) => void
  readonly signal: AbortSignal
}

/** Makes media files of other media files. */
export interface Transcoder {
  /** Undefined when the file is no media that may be read. Throws when there is no program to look with. */
  probe(file: string, signal: AbortSignal): Promise<MediaInfo | undefined>
  /** Resolves when the target is complete. Rejects with a `TranscodeError` whose text is for operators. */
  make(job: TranscodeJob): Promise<void>
}

/** Why a rendition was not made. */
export class TranscodeError extends Error {
  override readonly name = 'TranscodeError'
}
