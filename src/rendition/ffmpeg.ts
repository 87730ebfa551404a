import { stat } from 'node:fs/promises'
import { messageOf } from '../base/failure.ts'
import { parseMediaInfo, PROBED_ENTRIES } from './media-info.ts'
import { ProgressReader } from './progress.ts'
import { runProgram } from './program.ts'
import { type Recipe, recipeFor } from './recipe.ts'
import { type MediaInfo, type Transcoder, TranscodeError, type TranscodeJob } from './transcoder.ts'

export interface FfmpegOptions {
  readonly path: string
  readonly probePath: string
  readonly timeoutSeconds: number
  readonly maxBytes: number
}

/**
 * Sources may be hostile. Playlists, scripts and capture devices that ffmpeg also calls formats would
 * read other files or addresses: only real containers are opened, and only as files. A picture of more
 * pixels than this (twice 8K) is an attack on the memory.
 */
const INPUT_GUARDS = [
  '-protocol_whitelist file',
  '-format_whitelist mov,matroska,flv,mpegts,mpeg,avi,ogg,mp3,aac,wav,flac,asf,aiff,amr',
  `-max_pixels ${2 ** 26}`,
].flatMap(words)

const QUIETLY = words('-nostdin -hide_banner -v error -nostats -progress pipe:1')

/**
 * A second output, thrown away. When the gateway is gone, ffmpeg goes on over a broken progress pipe, but
 * not over a broken output; so it does not outlive even `kill -9`.
 */
const ENDS_WITH_US = words('-c copy -flush_packets 1 -f framecrc pipe:3')

/** A look takes a second; a file that is made to take longer is not worth waiting for. */
const PROBE_SECONDS = 60
const MAX_PROBE_TEXT = 1024 * 1024
const MAX_REASON = 400

/** ffmpeg and ffprobe as child processes. */
export class Ffmpeg implements Transcoder {
  readonly #options: FfmpegOptions

  constructor(options: FfmpegOptions) {
    this.#options = options
  }

  /** What is amiss with the programs, for operators; undefined when both can be started. */
  async fault(): Promise<string | undefined> {
    const never = new AbortController().signal
    try {
      await this.#run('ffmpeg', ['-version'], PROBE_SECONDS, never, () => undefined)
      await this.#run('ffprobe', ['-version'], PROBE_SECONDS, never, () => undefined)
      return undefined
    } catch (error) {
      return messageOf(error)
    }
  }

  async probe(file: string, signal: AbortSignal): Promise<MediaInfo | undefined> {
    const show = `-print_format json -show_entries ${PROBED_ENTRIES}`
    const args = [...words('-v error -hide_banner'), ...INPUT_GUARDS, ...words(show)]
    args.push('-i', `file:${file}`)
    let text = ''
    const { status } = await this.#run('ffprobe', args, PROBE_SECONDS, signal, (more) => {
      if (text.length <= MAX_PROBE_TEXT) text += more
    })
    return status === 0 && text.length <= MAX_PROBE_TEXT ? parseMediaInfo(text) : undefined
  }

  async make(job: TranscodeJob): Promise<void> {
    const info = await this.probe(job.source, job.signal)
    if (!info) throw new TranscodeError('the source is no media that may be read')
    const first = recipe(info, job, true)
    const progress = new ProgressReader(info.duration, job.onProgress)
    let reason = await this.#cook(first, job, progress)
    // a codec may fit and its stream not: MP4 takes no MP3 at 8 kHz
    if (reason !== undefined && first.hasCopies) {
      reason = await this.#cook(recipe(info, job, false), job, progress)
    }
    if (reason !== undefined) throw new TranscodeError(reason)
    await this.#check(info, job)
  }

  /** Runs ffmpeg; returns why it failed. */
  async #cook(
    { args: recipeArgs, source }: Recipe,
    job: TranscodeJob,
    progress: ProgressReader,
  ): Promise<string | undefined> {
    const input = ['-i', `file:${job.source}`]
    const output = ['-fs', String(this.#options.maxBytes), '-y', `file:${job.target}`]
    const args = [...QUIETLY, ...INPUT_GUARDS, ...input, ...recipeArgs, ...output]
    args.push('-map', source, ...ENDS_WITH_US)
    const { timeoutSeconds } = this.#options
    const end = await this.#run('ffmpeg', args, timeoutSeconds, job.signal, (text) => {
      progress.push(text)
    })
    // ffmpeg 5.1 ends with 0 when the last bytes did not fit on the disk, and only says so
    if (end.status === 0 && !end.errorText.includes(job.target)) return undefined
    const reason = reasonIn(end.errorText, job)
    return end.status === null ? 'ffmpeg was killed' : `ffmpeg failed: ${reason}`
  }

  /** A limit that was hit ends ffmpeg without an error. */
  async #check(info: MediaInfo, { target, format, signal }: TranscodeJob): Promise<void> {
    const { size } = await stat(target)
    if (size >= this.#options.maxBytes) {
      throw new TranscodeError(`the rendition is larger than ${this.#options.maxBytes} bytes`)
    }
    const made = await this.probe(target, signal)
    const isWhole =
      made &&
      (made.audio !== undefined) === (info.audio !== undefined) &&
      (format === 'm4a' || made.video !== undefined)
    if (!isWhole) throw new TranscodeError(`ffmpeg ended well and made no whole ${format}`)
  }

  #run(
    program: 'ffmpeg' | 'ffprobe',
    args: readonly string[],
    timeoutSeconds: number,
    signal: AbortSignal,
    onOutput: (text: string) => void,
  ): ReturnType<typeof runProgram> {
    const isFfmpeg = program === 'ffmpeg'
    return runProgram({
      program: isFfmpeg ? this.#options.path : this.#options.probePath,
      setting: isFfmpeg ? 'apis.ffmpeg.path' : 'apis.ffmpeg.probePath',
      args,
      timeoutSeconds,
      signal,
      onOutput,
    })
  }
}

function recipe(info: MediaInfo, { format, maxHeight }: TranscodeJob, mayCopy: boolean): Recipe {
  const found = recipeFor(info, { format, maxHeight, mayCopy })
  if ('refused' in found) throw new TranscodeError(found.refused)
  return found
}

/** The end of what ffmpeg said: without paths, and on one line, since a file's author chooses words in it. */
function reasonIn(errorText: string, { source, target }: TranscodeJob): string {
  const text = errorText
    .replaceAll(`file:${source}`, 'source')
    .replaceAll(`file:${target}`, 'target')
    .replaceAll(source, 'source')
    .replaceAll(target, 'target')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
  return text === '' ? 'no reason given' : text.slice(-MAX_REASON)
}

function words(text: string): string[] {
  return text.split(' ')
}
