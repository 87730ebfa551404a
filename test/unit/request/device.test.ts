import { expect, it } from 'vitest'
import { deviceOf, NO_DEVICE } from '../../../src/request/device.ts'
import { readHeaders } from '../../../src/request/request-headers.ts'

const device = (...fields: string[]): string => deviceOf(readHeaders(fields))

it('is 12 hex digits, the same for the same program', () => {
  const first = device('User-Agent', 'A', 'Accept-Language', 'de')
  expect(first).toMatch(/^[0-9a-f]{12}$/)
  expect(device('accept-language', 'de', 'Range', 'bytes=0-', 'user-agent', 'A')).toBe(first)
})

it.each(['User-Agent', 'Accept-Language', 'Accept-Encoding', 'Sec-CH-UA', 'Sec-CH-UA-Platform'])(
  'differs by %s',
  (name) => {
    expect(device(name, 'x')).not.toBe(device(name, 'y'))
    expect(device(name, 'x')).not.toBe(NO_DEVICE)
  },
)

it('is none where the client says nothing of itself', () => {
  expect(device('Host', 'dl.example')).toBe(NO_DEVICE)
})
