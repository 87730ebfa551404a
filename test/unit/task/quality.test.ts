import { expect, test } from 'vitest'
import { parseQuality } from '../../../src/task/quality.ts'

test.each([
  ['best', { kind: 'best' }],
  ['audio', { kind: 'audio' }],
  ['144p', { kind: 'picture', maxHeight: 144 }],
  ['720p', { kind: 'picture', maxHeight: 720 }],
  ['4320p', { kind: 'picture', maxHeight: 4320 }],
])('%s is a quality', (text, quality) => {
  expect(parseQuality(text)).toEqual(quality)
})

test.each(['', 'worst', '143p', '4321p', '720', '720P', '0720p', '7200p', ' best', '720p;'])(
  '%j is none',
  (text) => {
    expect(parseQuality(text)).toBeUndefined()
  },
)
