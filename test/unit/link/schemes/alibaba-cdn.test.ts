import { describe, expect, it } from 'vitest'
import { alibabaCdn } from '../../../../src/link/schemes/alibaba-cdn.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { md5, schemeWith, textKey, verdictOf } from '../../../support/link-verdict.ts'
import { NOW, SITE } from '../../../support/request-parts.ts'

const SECRET = 'aliyuncdnexp1234'
const KEY = textKey('alibaba-cdn', SECRET)
const PATH = '/files/a.mp4'
const of = (variant: string, more: Readonly<Record<string, unknown>> = {}) =>
  schemeWith(alibabaCdn, { variant, ttl: 1800, ...more })

for (const [variant, more] of [
  ['A', {}],
  ['B', {}],
  ['C', {}],
  ['F', {}],
  ['F', { timeFormat: 'hex' }],
] as const) {
  linkFormatContract(`alibaba-cdn ${variant} ${JSON.stringify(more)}`, () => ({
    scheme: of(variant, more),
    keys: [KEY, textKey('alibaba-cdn', 'the key before it', 'older')],
    ...(variant === 'B' && { stepSeconds: 60 }),
  }))
}

/** A verdict on a link of the second `NOW`. */
const at = (scheme: ReturnType<typeof of>, url: string, now = NOW): string =>
  verdictOf(scheme, [KEY], url, { now }).verdict

describe('type A', () => {
  const token = (rand = 'f00', uid = '0', time: number | string = NOW): string =>
    `${time}-${rand}-${uid}-${md5(`${PATH}-${time}-${rand}-${uid}-${SECRET}`)}`
  const A = of('A')

  it.each([
    ['holds', `?auth_key=${token()}`, 'permit'],
    ['leaves the query free', `?x=1&auth_key=${token()}&y=2`, 'permit'],
    ['twice is refused', `?auth_key=${token()}&auth_key=${token()}`, 'link_malformed'],
    ['with a hyphen in rand is refused', `?auth_key=${token('a-b')}`, 'link_malformed'],
    ['without rand is refused', `?auth_key=${token('')}`, 'link_malformed'],
    [
      'with a swapped border is refused',
      `?auth_key=${token('ab', 'c').replace('-ab-c-', '-a-bc-')}`,
      'link_signature_wrong',
    ],
    ['with a leading zero is refused', `?auth_key=${token('f', '0', `0${NOW}`)}`, 'link_malformed'],
    ['in milliseconds is refused', `?auth_key=${token('f', '0', NOW * 1000)}`, 'link_malformed'],
    ['of another form is refused', '?auth_key=abc', 'link_malformed'],
    ['empty is refused', '?auth_key=', 'link_malformed'],
  ])('%s', (_what, query, verdict) => {
    expect(at(A, PATH + query)).toBe(verdict)
  })

  it('lives for its ttl, and longer when the signer dates it later', () => {
    expect(at(A, `${PATH}?auth_key=${token()}`, NOW + 1799)).toBe('permit')
    expect(at(A, `${PATH}?auth_key=${token()}`, NOW + 1800)).toBe('link_expired')
    const later = `${PATH}?auth_key=${token('f', '0', NOW + 7200)}`
    expect(at(A, later)).toBe('permit')
    expect(at(A, later, NOW + 8999)).toBe('permit')
    expect(at(A, later, NOW + 9000)).toBe('link_expired')
  })

  it('may have a parameter of another name', () => {
    expect(at(of('A', { signParam: 'sign' }), `${PATH}?sign=${token()}`)).toBe('permit')
  })

  it('gets another rand with each link', () => {
    const mint = (): unknown =>
      A.sign({ path: PATH, expiresAt: NOW + 60, constraints: {}, site: SITE }, KEY)
    expect(mint()).not.toEqual(mint())
  })
})

describe('type B', () => {
  const link = (stamp: string): string => `/${stamp}/${md5(`${SECRET}${stamp}${PATH}`)}${PATH}`
  const B = of('B')

  it.each([
    ['is read in UTC+8', '202701151600', 'permit'],
    ['is no UTC', '202701150800', 'link_expired'],
    ['is no day', '202702301600', 'link_malformed'],
    ['is no month', '202713011600', 'link_malformed'],
    ['is no hour', '202701152400', 'link_malformed'],
    ['is no minute', '202701151560', 'link_malformed'],
  ])('the stamp %s', (_what, stamp, verdict) => {
    expect(at(B, link(stamp))).toBe(verdict)
  })

  it('is cut off the path', () => {
    expect(B.cutPath?.(link('202701151600'))).toBe(PATH)
    expect(B.cutPath?.(PATH)).toBeUndefined()
    expect(at(B, PATH)).toBe('link_missing')
    expect(
      at(
        B,
        link('202701151600').replace(/[0-9a-f]{32}/, (hash) => hash.slice(1)),
      ),
    ).toBe('link_missing')
  })

  it('ends on the minute before the expiry that was asked for', () => {
    const link = B.sign({ path: PATH, expiresAt: NOW + 119, constraints: {}, site: SITE }, KEY)
    const { target } = link as { target: string }
    expect(verdictOf(B, [KEY], target).grant?.validUntil).toBe(NOW + 60)
  })
})

describe('type C', () => {
  const C = of('C')
  const hash = (time: string, path = PATH): string => md5(`${SECRET}${path}${time}`)
  const time = NOW.toString(16)

  it.each([
    ['stands in the path', `/${hash(time)}/${time}${PATH}`, 'permit'],
    ['stands in the query', `${PATH}?KEY1=${hash(time)}&KEY2=${time}`, 'permit'],
    [
      'may write its time in upper case',
      `/${hash(time.toUpperCase())}/${time.toUpperCase()}${PATH}`,
      'permit',
    ],
    [
      'hashes the time as it is written',
      `/${hash(time)}/${time.toUpperCase()}${PATH}`,
      'link_signature_wrong',
    ],
    [
      'may not stand in both',
      `/${hash(time)}/${time}${PATH}?KEY1=${hash(time)}&KEY2=${time}`,
      'link_ambiguous',
    ],
    ['in upper case is none', `/${hash(time).toUpperCase()}/${time}${PATH}`, 'link_missing'],
    ['twice is refused', `${PATH}?KEY1=${hash(time)}&KEY2=${time}&KEY2=${time}`, 'link_malformed'],
    ['without its time is none', `${PATH}?KEY1=${hash(time)}`, 'link_missing'],
  ])('%s', (_what, url, verdict) => {
    expect(at(C, url)).toBe(verdict)
  })

  it('a zero of the path cannot become part of the time', () => {
    const signed = hash(time, '/files/a0')
    expect(at(C, `/files/a0?KEY1=${signed}&KEY2=${time}`)).toBe('permit')
    expect(at(C, `/files/a?KEY1=${signed}&KEY2=0${time}`)).toBe('link_malformed')
  })

  it('the published example holds', () => {
    const published = '/a37fa50a5fb8f71214b1e7c95ec7a1bd/55CE8100/test.flv'
    expect(at(C, published, 0x55ce8100)).toBe('permit')
  })
})

describe('type F', () => {
  it('writes its time as the route says', () => {
    const link = (time: string): string =>
      `${PATH}?sign=${md5(`${SECRET}${PATH}${time}`)}&time=${time}`
    const [decimal, hex] = [link(String(NOW)), link(NOW.toString(16))]
    expect(at(of('F'), decimal)).toBe('permit')
    expect(at(of('F'), hex)).toBe('link_malformed')
    expect(at(of('F', { timeFormat: 'hex' }), hex)).toBe('permit')
    expect(at(of('F', { timeFormat: 'hex' }), decimal)).toBe('link_malformed')
  })

  it('may have parameters of other names', () => {
    const scheme = of('F', { signParam: 'k', timeParam: 'e' })
    expect(at(scheme, `${PATH}?k=${md5(`${SECRET}${PATH}${NOW}`)}&e=${NOW}`)).toBe('permit')
  })

  it('cannot be minted to end before its ttl has begun', () => {
    const request = { path: PATH, expiresAt: 1799, constraints: {}, site: SITE }
    expect(of('F').sign(request, KEY)).toMatchObject({
      detail: expect.stringMatching(/^expires_at: /) as string,
    })
  })
})
