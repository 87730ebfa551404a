import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { KeyRing } from '../../../../src/link/key-ring.ts'
import { imgproxy } from '../../../../src/link/schemes/imgproxy.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { schemeWith, textKey, verdictOf } from '../../../support/link-verdict.ts'
import { NOW, SITE } from '../../../support/request-parts.ts'

const KEY = textKey('imgproxy', 'throwaway key')
const SALT = textKey('imgproxy', 'throwaway salt', 'salt')
const E = NOW + 3600
const SOURCE = 'aHR0cHM6Ly9vcmlnaW4uZXhhbXBsZS50ZXN0L2EvYi5qcGc'
const of = (more: Readonly<Record<string, unknown>> = {}) => schemeWith(imgproxy, more)

function signed(path: string, size = 32): string {
  const mac = createHmac('sha256', 'throwaway key').update(`throwaway salt${path}`).digest()
  return `/${mac.subarray(0, size).toString('base64url')}${path}`
}

const PATH = `/exp:${E}/rs:fill/w:300/${SOURCE}`
const LINK = signed(PATH)

for (const signatureSize of [8, 16, 32]) {
  linkFormatContract(`imgproxy with ${signatureSize} bytes`, () => ({
    scheme: of({ signatureSize }),
    keys: [KEY],
    companions: [SALT],
  }))
}

describe('a signed imgproxy URL', () => {
  it.each([
    ['holds', LINK, 'permit'],
    [
      'may have its expiry anywhere among the options',
      signed(`/w:300/expires:${E}/${SOURCE}`),
      'permit',
    ],
    ['may have its padding', LINK.replace(/^\/[^/]*/, '$&='), 'permit'],
    ['binds its options', LINK.replace('w:300', 'w:301'), 'link_signature_wrong'],
    ['binds its expiry', LINK.replace(String(E), String(E + 1)), 'link_signature_wrong'],
    [
      'with two expiries is refused',
      signed(`/exp:${E}/exp:${E}/${SOURCE}`),
      'link_resource_mismatch',
    ],
    [
      'with an expiry behind its source has none',
      signed(`/w:300/${SOURCE}/exp:${E}`),
      'link_lifetime_exceeded',
    ],
    ['with an odd expiry is refused', signed(`/exp:${E}:1/${SOURCE}`), 'link_malformed'],
    ['without an expiry is refused', signed(`/w:300/${SOURCE}`), 'link_lifetime_exceeded'],
    ['cut short is none', LINK.replace(/^\/.{3}/, '/'), 'link_missing'],
    ['without its signature is none', PATH, 'link_missing'],
    ['that says unsafe is none', `/unsafe${PATH}`, 'link_missing'],
    ['of 16 bytes is none where 32 are asked for', signed(PATH, 16), 'link_missing'],
  ])('%s', (_what, url, verdict) => {
    expect(verdictOf(of(), [KEY, SALT], url).verdict).toBe(verdict)
  })

  it.each([
    [E, 'permit'],
    [E + 1, 'link_expired'],
  ])('at %i: the second of the expiry still counts', (now, verdict) => {
    expect(verdictOf(of(), [KEY, SALT], LINK, { now }).verdict).toBe(verdict)
  })

  it('names one object, whatever its signature and expiry', () => {
    expect(of().cutPath?.(LINK)).toBe(`/rs:fill/w:300/${SOURCE}`)
    expect(of().cutPath?.(signed(`/w:300/expires:${E}/${SOURCE}`))).toBe(`/w:300/${SOURCE}`)
    expect(of().cutPath?.(signed(`/w:300/${SOURCE}`))).toBe(`/w:300/${SOURCE}`)
    expect(of().cutPath?.(PATH)).toBeUndefined()
  })

  it('cannot hide its expiry behind an encoded colon', () => {
    const scheme = of({ allowUnlimited: true })
    const link = signed(`/exp%3A${NOW - 1}/${SOURCE}`)
    expect(verdictOf(scheme, [KEY, SALT], link).verdict).toBe('link_expired')
  })

  it('without an expiry is taken where the route says so', () => {
    const scheme = of({ allowUnlimited: true })
    expect(verdictOf(scheme, [KEY, SALT], signed(`/w:300/${SOURCE}`)).verdict).toBe('permit')
  })

  it('needs its key and its salt, by the names that the route says', () => {
    expect(verdictOf(of(), [KEY], LINK).verdict).toBe('link_key_unknown')
    expect(verdictOf(of(), [SALT], LINK).verdict).toBe('link_key_unknown')
    expect(verdictOf(of({ keyId: 'salt', saltId: 'key' }), [KEY, SALT], LINK).verdict).toBe(
      'link_signature_wrong',
    )
  })

  it('is minted with its salt or not at all, and with one expiry', () => {
    const mint = (path: string, keys: KeyRing): unknown =>
      of().sign({ path, expiresAt: E, constraints: {}, site: SITE }, SALT, keys)
    const path = `/rs:fill/w:300/${SOURCE}`
    expect(mint(path, new KeyRing([KEY, SALT]))).toEqual({ target: LINK })
    expect(mint(path, new KeyRing([KEY]))).toMatchObject({ reason: 'link_key_unknown' })
    expect(mint(PATH, new KeyRing([KEY, SALT]))).toMatchObject({
      detail: expect.stringMatching(/^path: /) as string,
    })
  })
})
