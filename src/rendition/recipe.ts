import type { Format } from '../catalogue/format.ts'
import type { MediaInfo } from './transcoder.ts'

/** How a format is written: ffmpeg's name of the container, and what goes into it. */
interface Container {
  readonly muxer: string
  /** Codecs that are copied as they are: what players of the format are known to play. */
  readonly video: readonly string[]
  readonly audio: readonly string[]
  readonly encodeVideo: readonly string[]
  readonly encodeAudio: readonly string[]
  readonly options: readonly string[]
}

const H264 = '-c:v libx264 -preset veryfast -crf 23'.split(' ')
const AAC = '-c:a aac -b:a 128k'.split(' ')
/** Good picture at a speed that a server can bear. */
const VP9 = '-c:v libvpx-vp9 -crf 33 -b:v 0 -deadline good -cpu-used 4 -row-mt 1'.split(' ')
const OPUS = '-c:a libopus -b:a 128k'.split(' ')
/** The index goes to the front, so that playing begins before the last byte is there. */
const INDEX_FIRST = ['-movflags', '+faststart']

const MPEG_4: Container = {
  muxer: 'mp4',
  video: ['h264'],
  audio: ['aac', 'mp3'],
  encodeVideo: H264,
  encodeAudio: AAC,
  options: INDEX_FIRST,
}

const CONTAINERS: Readonly<Record<Format, Container>> = {
  mp4: MPEG_4,
  mov: { ...MPEG_4, muxer: 'mov' },
  flv: { ...MPEG_4, muxer: 'flv', audio: ['aac'], options: [] },
  m4a: { ...MPEG_4, muxer: 'ipod', video: [], audio: ['aac'], encodeVideo: [] },
  webm: {
    muxer: 'webm',
    video: ['vp8', 'vp9', 'av1'],
    audio: ['opus', 'vorbis'],
    encodeVideo: VP9,
    encodeAudio: OPUS,
    options: [],
  },
}

export interface RecipeRequest {
  readonly format: Format
  readonly maxHeight?: number | undefined
  /** Whether streams that fit are copied as they are. */
  readonly mayCopy: boolean
}

/** Arguments of ffmpeg between its input and its output. */
export interface Recipe {
  readonly args: readonly string[]
  /** Some stream is copied as it is. */
  readonly hasCopies: boolean
  /** A stream of the source that the recipe uses, as `-map` names it. */
  readonly source: string
}

/** How a file becomes another one: streams that fit are copied, the others are encoded anew. */
export function recipeFor(
  info: MediaInfo,
  { format, maxHeight, mayCopy }: RecipeRequest,
): Recipe | { readonly refused: string } {
  const container = CONTAINERS[format]
  const isSound = container.encodeVideo.length === 0
  const { audio } = info
  const video = isSound ? undefined : info.video
  if (isSound && !audio) return { refused: 'the source has no sound' }
  if (!isSound && !video) return { refused: 'the source has no picture' }
  const isTooHigh = video !== undefined && maxHeight !== undefined && video.height > maxHeight
  const copiesVideo = mayCopy && !isTooHigh && container.video.includes(video?.codec ?? '')
  const copiesAudio = mayCopy && container.audio.includes(audio?.codec ?? '')
  const picture = copiesVideo
    ? ['-c:v', 'copy']
    : [...container.encodeVideo, ...pictureFilter(isTooHigh ? maxHeight : undefined)]
  const sound = copiesAudio ? ['-c:a', 'copy'] : [...container.encodeAudio, ...SOUND_FILTER]
  return {
    args: [
      ...(video ? ['-map', PICTURE, ...picture] : []),
      ...(audio ? ['-map', SOUND, ...sound] : []),
      // chapters would become a text track
      '-map_chapters',
      '-1',
      ...container.options,
      '-f',
      container.muxer,
    ],
    hasCopies: copiesVideo || copiesAudio,
    source: audio ? SOUND : PICTURE,
  }
}

/** The first picture that is no cover, and the first sound. */
const PICTURE = '0:V:0'
const SOUND = '0:a:0'

/** Surround layouts of other codecs are more than libopus takes and most browsers play. */
const SOUND_FILTER = ['-af', 'aformat=channel_layouts=stereo|mono']

/** Browsers play 8-bit 4:2:0, which takes even sides. */
function pictureFilter(height: number | undefined): string[] {
  const scale =
    height === undefined
      ? 'scale=trunc(iw/2)*2:trunc(ih/2)*2'
      : `scale=-2:${Math.max(2, height - (height % 2))}`
  return ['-vf', scale, '-pix_fmt', 'yuv420p']
}
