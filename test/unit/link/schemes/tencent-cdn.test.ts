import { describe, expect, it } from 'vitest'
import { tencentCdn } from '../../../../src/link/schemes/tencent-cdn.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { md5, schemeWith, textKey, verdictOf } from '../../../support/link-verdict.ts'
import { NOW } from '../../../support/request-parts.ts'

const SECRET = 'throwawayKey1234'
const KEY = textKey('tencent-cdn', SECRET)
const PATH = '/files/a.jpg'
const of = (variant: string, more: Readonly<Record<string, unknown>> = {}) =>
  schemeWith(tencentCdn, { variant, ttl: 1800, ...more })
const at = (scheme: ReturnType<typeof of>, url: string, now = NOW): string =>
  verdictOf(scheme, [KEY], url, { now }).verdict

for (const [variant, more] of [
  ['A', {}],
  ['B', {}],
  ['C', {}],
  ['C', { order: 'key-path-time' }],
  ['D', {}],
  ['D', { timeFormat: 'hex' }],
] as const) {
  linkFormatContract(`tencent-cdn ${variant} ${JSON.stringify(more)}`, () => ({
    scheme: of(variant, more),
    keys: [KEY, textKey('tencent-cdn', 'the key before it', 'older')],
    ...(variant === 'B' && { stepSeconds: 60 }),
  }))
}

describe('type A', () => {
  const token = `${NOW}-r4nd-0-${md5(`${PATH}-${NOW}-r4nd-0-${SECRET}`)}`

  it.each([
    ['holds', `?sign=${token}`, 'permit'],
    ['leaves the query free', `?sign=${token}&x=1`, 'permit'],
    ['twice is refused', `?sign=${token}&sign=x`, 'link_malformed'],
    ['of another form is somebody else’s', '?sign=0123', 'link_missing'],
    ['in upper case is refused', `?sign=${token.toUpperCase()}`, 'link_malformed'],
    [
      'for another rand is refused',
      `?sign=${token.replace('r4nd', 'R4ND')}`,
      'link_signature_wrong',
    ],
  ])('%s', (_what, query, verdict) => {
    expect(at(of('A'), PATH + query)).toBe(verdict)
  })
})

describe('type C', () => {
  const time = NOW.toString(16)
  const newer = `/${md5(`${SECRET}${time}${PATH}`)}/${time}${PATH}`
  const older = `/${md5(`${SECRET}${PATH}${time}`)}/${time}${PATH}`

  it('is taken in both orders unless the route names one', () => {
    expect([newer, older].map((link) => at(of('C'), link))).toEqual(['permit', 'permit'])
    const only = (order: string): string[] =>
      [newer, older].map((link) => at(of('C', { order }), link))
    expect(only('key-time-path')).toEqual(['permit', 'link_signature_wrong'])
    expect(only('key-path-time')).toEqual(['link_signature_wrong', 'permit'])
  })

  it('the published example of EdgeOne holds', () => {
    const published = '/6688749e8906a726c12fe1be3aacd016/6694d30a/foo.jpg'
    const key = textKey('tencent-cdn', 'DvYmqE81E1F9R791H6lmht')
    expect(verdictOf(of('C'), [key], published, { now: 0x6694d30a }).verdict).toBe('permit')
  })
})

describe('type D', () => {
  it.each([
    ['dec', String(NOW), 'permit'],
    ['hex', NOW.toString(16), 'permit'],
    ['dec', NOW.toString(16), 'link_malformed'],
  ])('%s: %s', (timeFormat, time, verdict) => {
    const link = `${PATH}?sign=${md5(`${SECRET}${PATH}${time}`)}&t=${time}`
    expect(at(of('D', { timeFormat }), link)).toBe(verdict)
  })

  it('the published example of EdgeOne holds, with its own parameter', () => {
    const link = '/foo.jpg?token=cadcec4a04e67b9c2abf4b61c642a0dd&t=1721029907'
    const key = textKey('tencent-cdn', 'DvYmqE81E1F9R791H6lmht')
    const scheme = of('D', { signParam: 'token' })
    expect(verdictOf(scheme, [key], link, { now: 1_721_029_907 }).verdict).toBe('permit')
  })
})
