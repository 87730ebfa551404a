import { describe, expect, test } from 'vitest'
import { FORMAT_NAMES, type Format } from '../../../src/catalogue/format.ts'
import { recipeFor } from '../../../src/rendition/recipe.ts'
import type { MediaInfo } from '../../../src/rendition/transcoder.ts'

function media(video: string | undefined, audio: string | undefined, height = 720): MediaInfo {
  return {
    container: 'matroska,webm',
    duration: 10,
    video: video === undefined ? undefined : { codec: video, width: 1280, height },
    audio: audio === undefined ? undefined : { codec: audio },
  }
}

function argsFor(
  info: MediaInfo,
  format: Format,
  options: { maxHeight?: number; mayCopy?: boolean } = {},
): string {
  const recipe = recipeFor(info, { format, mayCopy: true, ...options })
  if ('refused' in recipe) throw new Error(recipe.refused)
  return recipe.args.join(' ')
}

/** The codecs that a recipe names: picture, then sound. */
function codecsFor(info: MediaInfo, format: Format): string {
  return [...argsFor(info, format).matchAll(/-c:[va] (\S+)/g)].map(([, codec]) => codec).join(' ')
}

describe('streams', () => {
  test.each<[Format, string, string, string]>([
    ['mp4', 'h264', 'aac', 'copy copy'],
    ['mp4', 'h264', 'mp3', 'copy copy'],
    ['mp4', 'h264', 'opus', 'copy aac'],
    ['mp4', 'hevc', 'aac', 'libx264 copy'],
    ['mp4', 'vp9', 'opus', 'libx264 aac'],
    ['mov', 'h264', 'mp3', 'copy copy'],
    ['mov', 'mpeg4', 'aac', 'libx264 copy'],
    ['flv', 'h264', 'aac', 'copy copy'],
    ['flv', 'h264', 'mp3', 'copy aac'],
    ['flv', 'av1', 'vorbis', 'libx264 aac'],
    ['webm', 'vp8', 'vorbis', 'copy copy'],
    ['webm', 'vp9', 'opus', 'copy copy'],
    ['webm', 'av1', 'opus', 'copy copy'],
    ['webm', 'h264', 'opus', 'libvpx-vp9 copy'],
    ['webm', 'vp9', 'aac', 'copy libopus'],
    ['m4a', 'h264', 'aac', 'copy'],
    ['m4a', 'h264', 'mp3', 'aac'],
  ])('that fit %s are copied, others are not: %s and %s', (format, video, audio, codecs) => {
    expect(codecsFor(media(video, audio), format)).toBe(codecs)
  })

  test.each<[Format, string]>([
    ['mp4', 'copy'],
    ['webm', 'libvpx-vp9'],
  ])('of a silent source become a silent %s', (format, codec) => {
    expect(codecsFor(media('h264', undefined), format)).toBe(codec)
    expect(argsFor(media('h264', undefined), format)).not.toContain('0:a')
  })

  test.each(['mp4', 'mov', 'flv', 'webm'] as const)('without a picture are no %s', (format) => {
    const recipe = recipeFor(media(undefined, 'aac'), { format, mayCopy: true })
    expect(recipe).toEqual({ refused: 'the source has no picture' })
  })

  test('without sound are no m4a', () => {
    const recipe = recipeFor(media('h264', undefined), { format: 'm4a', mayCopy: true })
    expect(recipe).toEqual({ refused: 'the source has no sound' })
  })

  test('are the first picture that is no cover and the first sound, of m4a the sound alone', () => {
    expect(argsFor(media('h264', 'aac'), 'mp4')).toMatch(/^-map 0:V:0 .*-map 0:a:0 /)
    expect(argsFor(media('h264', 'aac'), 'm4a')).toMatch(/^-map 0:a:0 /)
    expect(argsFor(media('h264', 'aac'), 'm4a')).not.toContain('0:V')
  })

  test('are all encoded when none may be copied', () => {
    for (const format of FORMAT_NAMES) {
      for (const info of [media('h264', 'aac'), media('vp9', 'opus')]) {
        expect(argsFor(info, format, { mayCopy: false })).not.toContain('copy')
      }
    }
  })

  test('that are copied are said to be', () => {
    const request = { format: 'mp4', mayCopy: true } as const
    expect(recipeFor(media('h264', 'opus'), request)).toMatchObject({ hasCopies: true })
    expect(recipeFor(media('vp9', 'opus'), request)).toMatchObject({ hasCopies: false })
  })
})

describe('a container', () => {
  test.each<[Format, string, boolean]>([
    ['mp4', 'mp4', true],
    ['mov', 'mov', true],
    ['m4a', 'ipod', true],
    ['flv', 'flv', false],
    ['webm', 'webm', false],
  ])('%s is written as %s, with its index in front: %s', (format, muxer, isIndexFirst) => {
    const args = argsFor(media('h264', 'aac'), format)
    expect(args.endsWith(` -f ${muxer}`)).toBe(true)
    expect(args.includes('-movflags +faststart')).toBe(isIndexFirst)
  })
})

describe('the picture', () => {
  test('is made 8-bit 4:2:0 with even sides when it is encoded', () => {
    const args = argsFor(media('hevc', 'aac'), 'mp4')
    expect(args).toContain('-vf scale=trunc(iw/2)*2:trunc(ih/2)*2 -pix_fmt yuv420p')
  })

  test('that is higher than allowed is encoded to an even height, though its codec fits', () => {
    const args = argsFor(media('h264', 'aac', 1080), 'mp4', { maxHeight: 721 })
    expect(args).toContain('-c:v libx264')
    expect(args).toContain('-vf scale=-2:720 ')
    expect(args).toContain('-c:a copy')
  })

  test('that is not higher than allowed is copied', () => {
    expect(argsFor(media('h264', 'aac', 720), 'mp4', { maxHeight: 720 })).toContain('-c:v copy')
  })
})

test('sound that is encoded has one or two channels', () => {
  expect(argsFor(media('vp9', 'ac3'), 'webm')).toContain('-af aformat=channel_layouts=stereo|mono')
})
