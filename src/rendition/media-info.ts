import type { MediaInfo } from './transcoder.ts'

/** What `parseMediaInfo` reads; tags are left out, they are the file's author's and have no bound. */
export const PROBED_ENTRIES = [
  'format=format_name,duration',
  'stream=codec_type,codec_name,width,height',
  'stream_disposition=attached_pic',
  'stream_side_data=rotation',
].join(':')

interface ProbedStream {
  readonly codec_type?: string
  readonly codec_name?: string
  readonly width?: number
  readonly height?: number
  readonly disposition?: { readonly attached_pic?: number }
  readonly side_data_list?: readonly { readonly rotation?: number }[]
}

interface Probed {
  readonly streams?: readonly ProbedStream[]
  readonly format?: { readonly format_name?: string; readonly duration?: string }
}

/** The first picture and the first sound of a file, from ffprobe's JSON. */
export function parseMediaInfo(json: string): MediaInfo {
  const { streams = [], format = {} } = JSON.parse(json) as Probed
  const video = streams.find(isPicture)
  const audio = streams.find((stream) => stream.codec_type === 'audio')
  const duration = Number(format.duration)
  return {
    container: format.format_name ?? '',
    duration: duration > 0 ? duration : undefined,
    video: video && { codec: codecOf(video), ...sizeOf(video) },
    audio: audio && { codec: codecOf(audio) },
  }
}

/** A cover in a music file is no video. */
function isPicture({ codec_type: type, disposition }: ProbedStream): boolean {
  return type === 'video' && disposition?.attached_pic !== 1
}

function codecOf({ codec_name: codec = '' }: ProbedStream): string {
  return codec
}

/** As it is shown: phones record lying pictures and say that they stand. */
function sizeOf(stream: ProbedStream): { width: number; height: number } {
  const { width = 0, height = 0, side_data_list: sideData = [] } = stream
  const turns = Math.abs(sideData.find(({ rotation }) => rotation !== undefined)?.rotation ?? 0)
  return turns % 180 === 90 ? { width: height, height: width } : { width, height }
}
