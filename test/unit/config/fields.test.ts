import { expect, test } from 'vitest'
import { hostAndPort } from '../../../src/config/fields.ts'

test.each(['media.example', 'media.example:8443', '192.0.2.1', '192.0.2.1:80', '[2001:db8::1]:80'])(
  '%s is a host, with or without a port',
  (text) => {
    expect(hostAndPort.safeParse(text)).toMatchObject({ success: true })
  },
)

test.each([
  'media.example:65536',
  '192.0.2.256',
  '[2001:db8:::1]',
  'user@media.example',
  'media.example/',
  '',
])('%j is none, and one problem', (text) => {
  expect(hostAndPort.safeParse(text).error?.issues).toHaveLength(1)
})
