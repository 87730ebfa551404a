import { describe, expect, it } from 'vitest'
import type { Key } from '../../../../src/link/key-ring.ts'
import { type CborValue, encodeCbor } from '../../../../src/link/schemes/cbor.ts'
import {
  type CoseMessage,
  decodeToken,
  isCoseSignedBy,
  readCose,
  signCwt,
} from '../../../../src/link/schemes/cose.ts'
import { macedCwt } from '../../../support/cose-tokens.ts'
import { pairKey, secretKey } from '../../../support/request-parts.ts'

const CLAIMS = new Map<number, CborValue>([[1, 'me']])
const SECRET = secretKey('k1', 1)
const EC = pairKey('ec', 'ec', 'ES256')
const PSS = pairKey('rsa', 'pss', 'PS256')
const SHORT = secretKey('k1', 1, { alg: 'HS256/64' })

function messageOf(bytes: Buffer): CoseMessage {
  const message = readCose(bytes)
  if ('reason' in message) throw new Error(message.detail)
  return message
}

describe('a COSE message', () => {
  it.each<[string, Key]>([
    ['HS256', SECRET],
    ['HS256/64', SHORT],
    ['ES256', EC],
    ['PS256', PSS],
  ])('signed with %s holds, and with one bit changed does not', (alg, key) => {
    const bytes = signCwt(CLAIMS, key)
    if (!bytes) throw new Error('no token')
    const message = messageOf(bytes)
    expect(message).toMatchObject({ alg, kid: key.kid, isCwt: true })
    expect(message.claims()).toEqual(CLAIMS)
    expect(isCoseSignedBy(message, key)).toBe(true)
    const last = bytes.length - 1
    bytes[last] = bytes[last]! ^ 1
    expect(isCoseSignedBy(messageOf(bytes), key)).toBe(false)
  })

  it('is over the bytes as received, not as we would encode them', () => {
    // the number 1 in two bytes
    const payload = Buffer.from('a1180162', 'hex')
    const text = Buffer.concat([payload, Buffer.from('me')])
    const message = messageOf(macedCwt(CLAIMS, { payload: text }))
    expect(isCoseSignedBy(message, SECRET)).toBe(true)
    expect(message.claims()).toEqual(CLAIMS)
  })

  it.each<[string, Key]>([
    ['another secret', secretKey('k1', 2)],
    ['a key of another algorithm', SHORT],
    ['a public key in place of a secret', { ...EC, alg: 'HS256' }],
  ])('does not hold with %s', (_what, key) => {
    expect(isCoseSignedBy(messageOf(macedCwt(CLAIMS)), key)).toBe(false)
  })

  it('an asymmetric signature does not hold with a secret', () => {
    const message = messageOf(signCwt(CLAIMS, EC)!)
    expect(isCoseSignedBy(message, { ...SECRET, alg: 'ES256' })).toBe(false)
    expect(isCoseSignedBy(message, { ...PSS, alg: 'ES256' })).toBe(false)
  })

  it.each([0, 8, 31])('a MAC of %i bytes does not hold', (bytes) => {
    expect(isCoseSignedBy(messageOf(macedCwt(CLAIMS, { bytes })), SECRET)).toBe(false)
  })

  it('a MAC made with an empty secret does not hold', () => {
    const message = messageOf(macedCwt(CLAIMS, { secret: Buffer.alloc(0) }))
    expect(isCoseSignedBy(message, SECRET)).toBe(false)
  })

  it.each<[string, Buffer]>([
    ['without any tag', encodeCbor([Buffer.alloc(0), new Map(), Buffer.alloc(0), Buffer.alloc(0)])],
    ['of another tag', macedCwt(CLAIMS, { tag: 16 })],
    ['with two tags of a CWT', encodeCbor({ tag: 61, value: { tag: 61, value: [] } })],
    [
      'of three parts',
      encodeCbor({ tag: 17, value: [Buffer.of(0xa0), new Map(), Buffer.alloc(0)] }),
    ],
    ['with a MAC under the tag of a signature', macedCwt(CLAIMS, { tag: 18 })],
    ['with a payload in hex', macedCwt(CLAIMS, { payload: 'a101626d65' })],
    ['without alg', macedCwt(CLAIMS, { headers: new Map() })],
    ['with an unknown alg', macedCwt(CLAIMS, { headers: new Map([[1, 99]]) })],
    ['with alg as text', macedCwt(CLAIMS, { headers: new Map([[1, 'HS256']]) })],
    ['with alg unprotected', macedCwt(CLAIMS, { headers: new Map(), free: new Map([[1, 5]]) })],
    ['with alg in both headers', macedCwt(CLAIMS, { free: new Map([[1, 5]]) })],
    [
      'with crit',
      macedCwt(CLAIMS, {
        headers: new Map<number, CborValue>([
          [1, 5],
          [2, [99]],
        ]),
      }),
    ],
    [
      'with kid in both headers',
      macedCwt(CLAIMS, {
        headers: new Map<number, CborValue>([
          [1, 5],
          [4, Buffer.from('k1')],
        ]),
      }),
    ],
    ['with kid as text', macedCwt(CLAIMS, { free: new Map([[4, 'k1']]) })],
    ['with a byte behind it', Buffer.concat([macedCwt(CLAIMS), Buffer.of(0)])],
    ['that is cut', macedCwt(CLAIMS).subarray(0, -1)],
  ])('%s is malformed', (_what, bytes) => {
    expect(readCose(bytes)).toMatchObject({ reason: 'link_malformed' })
  })

  it('may have kid protected, and no tag of a CWT', () => {
    const headers = new Map<number, CborValue>([
      [1, 5],
      [4, Buffer.from('k1')],
    ])
    const message = messageOf(macedCwt(CLAIMS, { headers, free: new Map(), isCwt: false }))
    expect(message).toMatchObject({ kid: 'k1', isCwt: false })
  })

  it('is not signed without the private half, or with an algorithm that is not known', () => {
    expect(signCwt(CLAIMS, { ...EC, signKey: undefined })).toBeUndefined()
    expect(signCwt(CLAIMS, { ...SECRET, alg: 'HS512' })).toBeUndefined()
  })
})

describe('the text of a token', () => {
  it.each([
    ['-_8', 'fbff'],
    ['+/8', 'fbff'],
    ['+/8=', 'fbff'],
    ['-_8=', 'fbff'],
  ])('%s is read', (text, hex) => {
    expect(decodeToken(text)?.toString('hex')).toBe(hex)
  })

  it.each(['-/8', '+_8', '-_9', '-_8==', 'a b', 'A'])('%s is not', (text) => {
    expect(decodeToken(text)).toBeUndefined()
  })
})
