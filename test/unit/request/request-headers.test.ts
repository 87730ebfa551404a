import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  cookieValues,
  isPrefetch,
  isPreviewBot,
  readHeaders,
} from '../../../src/request/request-headers.ts'

describe('readHeaders', () => {
  it('reads fields in any case and ignores unknown ones', () => {
    const headers = readHeaders([
      'HOST',
      'h',
      'rAnge',
      'bytes=0-',
      'X-Unknown',
      'x',
      '__proto__',
      'y',
      'constructor',
      'z',
    ])
    expect([headers.host, headers.range, headers.repeated]).toEqual(['h', 'bytes=0-', undefined])
    const { raw, ...known } = headers
    expect(Object.values(known).filter((value) => value !== undefined)).toHaveLength(2)
    expect(raw).toHaveLength(10)
  })

  it.each([
    'Host',
    'Range',
    'If-Range',
    'Authorization',
    'If-Modified-Since',
    'If-Unmodified-Since',
    'Origin',
    'Referer',
    'User-Agent',
    'Transfer-Encoding',
    'Content-Length',
    'Access-Control-Request-Method',
  ])('%s that came twice is repeated, even with the same value', (field) => {
    expect(readHeaders([field, 'a', 'Accept', 'x', field.toUpperCase(), 'a']).repeated).toBe(
      field.toLowerCase(),
    )
    expect(readHeaders([field, 'a']).repeated).toBeUndefined()
  })

  it.each([
    ['Cookie', 'cookie', 'a; b'],
    ['X-Forwarded-For', 'forwardedFor', 'a, b'],
    ['Forwarded', 'forwarded', 'a, b'],
    ['If-Match', 'ifMatch', 'a, b'],
    ['If-None-Match', 'ifNoneMatch', 'a, b'],
    ['Accept', 'accept', 'a, b'],
  ] as const)('%s that came twice is one list, in order', (field, member, joined) => {
    const headers = readHeaders([field, 'a', field.toLowerCase(), 'b'])
    expect([headers[member], headers.repeated]).toEqual([joined, undefined])
  })

  it('a list of odd length loses its last name', () => {
    expect(readHeaders(['Host', 'h', 'Range'])).toMatchObject({ host: 'h', range: undefined })
  })
})

describe('cookieValues', () => {
  it.each([
    [undefined, []],
    ['', []],
    ['t=1', ['1']],
    ['a=b; t=1; c=d', ['1']],
    ['t=1; t=2', ['1', '2']],
    ['t=', ['']],
    ['t', []],
    ['=t', []],
    ['xt=1; tx=2; T=3', []],
    [' t = 1 ;t=2', ['1', '2']],
    ['t=a=b', ['a=b']],
    ['t="1"', ['"1"']],
    ['a=t=1', []],
  ])('of %j', (header, values) => {
    expect(cookieValues(header, 't')).toEqual(values)
  })

  it('finds a value among any others', () => {
    const token = fc.string({ unit: fc.constantFrom(...Array.from('abc.-_')), maxLength: 8 })
    fc.assert(
      fc.property(fc.array(token), token, fc.array(token), (before, value, after) => {
        const others = (values: string[]): string[] => values.map((text, i) => `x${i}=${text}`)
        const header = [...others(before), `sluice_token=${value}`, ...others(after)].join('; ')
        expect(cookieValues(header, 'sluice_token')).toEqual([value])
      }),
    )
  })
})

describe('who asks', () => {
  it.each([
    ['Sec-Purpose', 'prefetch'],
    ['Sec-Purpose', 'prefetch;prerender'],
    ['sec-purpose', 'Prefetch;anonymous-client-ip'],
    ['Purpose', 'prefetch'],
    ['X-Purpose', 'preview'],
    ['X-Moz', 'prefetch'],
  ])('%s: %s is a prefetch', (name, value) => {
    expect(isPrefetch(readHeaders([name, value]))).toBe(true)
    expect(isPrefetch(readHeaders(['Purpose', 'other', name, value]))).toBe(true)
  })

  it('nothing else is', () => {
    expect(isPrefetch(readHeaders([]))).toBe(false)
    expect(isPrefetch(readHeaders(['Purpose', 'prefetched']))).toBe(false)
    expect(isPrefetch(readHeaders(['Accept', 'prefetch']))).toBe(false)
  })

  it.each([
    ['facebookexternalhit/1.1', true],
    ['Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)', true],
    ['Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)', true],
    ['TelegramBot (like TwitterBot)', true],
    ['WhatsApp/2.23.20.0', true],
    [
      'Mozilla/5.0 Google-PageRenderer Google (+https://developers.google.com/+/web/snippet/)',
      true,
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36',
      false,
    ],
    ['curl/8.5.0', false],
    ['aria2/1.37.0', false],
    ['VLC/3.0.20 LibVLC/3.0.20', false],
    ['', false],
  ])('%s: preview bot %s', (agent, isBot) => {
    expect(isPreviewBot(readHeaders(['User-Agent', agent]))).toBe(isBot)
  })

  it('without a User-Agent nobody is a preview bot', () => {
    expect(isPreviewBot(readHeaders([]))).toBe(false)
  })
})
