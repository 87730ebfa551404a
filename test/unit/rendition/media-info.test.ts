import { describe, expect, test } from 'vitest'
import { parseMediaInfo } from '../../../src/rendition/media-info.ts'

const VIDEO = { codec_type: 'video', codec_name: 'h264', width: 1280, height: 720 }
const AUDIO = { codec_type: 'audio', codec_name: 'aac' }
const COVER = { codec_type: 'video', codec_name: 'png', width: 9, disposition: { attached_pic: 1 } }
const FORMAT = { format_name: 'matroska,webm', duration: '12.500000' }

const parse = (probed: object): unknown => parseMediaInfo(JSON.stringify(probed))

describe('what ffprobe says', () => {
  test('gives the first picture and the first sound', () => {
    const second = [
      { ...VIDEO, codec_name: 'vp9' },
      { ...AUDIO, codec_name: 'opus' },
    ]
    const streams = [{ codec_type: 'data' }, VIDEO, AUDIO, ...second]
    expect(parse({ streams, format: FORMAT })).toEqual({
      container: 'matroska,webm',
      duration: 12.5,
      video: { codec: 'h264', width: 1280, height: 720 },
      audio: { codec: 'aac' },
    })
  })

  test('takes a cover for no video', () => {
    expect(parse({ streams: [COVER, AUDIO], format: FORMAT })).toMatchObject({ video: undefined })
    expect(parse({ streams: [COVER, VIDEO], format: FORMAT })).toMatchObject({
      video: { codec: 'h264' },
    })
  })

  test.each([
    [0, 1280, 720],
    [90, 720, 1280],
    [-90, 720, 1280],
    [180, 1280, 720],
    [-270, 720, 1280],
  ])(
    'of a picture that is shown turned by %d degrees gives the sides as shown',
    (rotation, width, height) => {
      const streams = [{ ...VIDEO, side_data_list: [{}, { rotation }] }]
      expect(parse({ streams, format: FORMAT })).toMatchObject({ video: { width, height } })
    },
  )

  test.each([undefined, 'N/A', '0', '-5'])('knows no duration of %s', (duration) => {
    expect(parse({ streams: [], format: { ...FORMAT, duration } })).toMatchObject({
      duration: undefined,
    })
  })

  test('may be empty', () => {
    expect(parse({})).toEqual({
      container: '',
      duration: undefined,
      video: undefined,
      audio: undefined,
    })
  })
})
