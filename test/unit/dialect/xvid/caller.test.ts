import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../../../src/base/bytes.ts'
import { ApiClients } from '../../../../src/dialect/clients.ts'
import { findCaller } from '../../../../src/dialect/xvid/caller.ts'
import { contextOf } from '../../../support/request-parts.ts'

const SECRET = Buffer.from('a secret of twenty-four..')
const PATH = '/v1/files/downloads'
const QUERY = 'file_id=54820cec18bac397e161aebc&redirect=true&client_id=shop'

const clients = new ApiClients([
  { id: 'shop', secret: SECRET, tokenSha256: sha256('shop-token'), scopes: ['xvid'] },
  { id: 'vendor', secret: SECRET, tokenSha256: undefined, scopes: ['mediahub_download_files'] },
  { id: 'a+b', secret: SECRET, tokenSha256: undefined, scopes: ['*'] },
  { id: 'token-only', secret: undefined, tokenSha256: sha256('other-token'), scopes: ['xvid'] },
  { id: 'elsewhere', secret: SECRET, tokenSha256: sha256('elsewhere-token'), scopes: ['ibm'] },
])

function hmac(text: string, secret = SECRET): string {
  return createHmac('sha256', secret).update(text).digest('hex')
}

function signed(query = QUERY, path = PATH): string {
  return `${path}?${query}&signature=${hmac(`${path}?${query}`)}`
}

function callerOf(target: string, authorization?: string): string | undefined {
  const headers = authorization === undefined ? {} : { authorization }
  // a context needs a canonical path, the signature what was sent
  const [path = '', query] = target.split(/\?(.*)/s)
  const context = contextOf(`${PATH}${query === undefined ? '' : `?${query}`}`, { headers })
  return findCaller({ ...context, target: { ...context.target, rawPath: path } }, clients)?.client
    .id
}

describe('a signed call', () => {
  it('names its client', () => {
    expect(callerOf(signed())).toBe('shop')
    expect(callerOf(signed('file_id=1&client_id=vendor'))).toBe('vendor')
    expect(callerOf(signed('client_id=a%2Bb&file_id=1'))).toBe('a+b')
  })

  it('counts as it was sent, with the slash at the end of its path', () => {
    expect(callerOf(signed(QUERY, `${PATH}/`))).toBe('shop')
    expect(callerOf(signed(QUERY, `${PATH}/`).replace('/?', '?'))).toBeUndefined()
    expect(callerOf(signed().replace('?', '/?'))).toBeUndefined()
  })

  it('may write the hex digits large or small', () => {
    expect(callerOf(signed().replace(/[0-9a-f]{64}$/, (hex) => hex.toUpperCase()))).toBe('shop')
  })

  it('ends with its signature', () => {
    for (const more of ['&ip=1', '&', '&utm_source=x', '&signature=', '#', '%20']) {
      expect(callerOf(signed() + more)).toBeUndefined()
    }
  })

  it('has one signature and one client', () => {
    const twice = signed(`${QUERY}&signature=${hmac('x')}`)
    expect(callerOf(twice)).toBeUndefined()
    expect(callerOf(signed(`client_id=vendor&${QUERY}`))).toBeUndefined()
    expect(callerOf(signed('file_id=1'))).toBeUndefined()
  })

  it.each(['elsewhere', 'nobody', 'token-only', '', '%', 'shop%00'])(
    'of %j is refused: no scope, no secret, or no client at all',
    (id) => {
      expect(callerOf(signed(`file_id=1&client_id=${id}`))).toBeUndefined()
    },
  )

  it('is refused where it holds nothing but a signature', () => {
    expect(callerOf(`${PATH}?signature=${hmac(PATH)}`)).toBeUndefined()
    expect(callerOf(`${PATH}?signature=${hmac(`${PATH}?`)}`)).toBeUndefined()
  })

  it('is refused when any byte of it is another', () => {
    const target = signed()
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: target.length - 1 }),
        fc.integer({ min: 0x21, max: 0x7e }),
        (at, code) => {
          const changed = target.slice(0, at) + String.fromCharCode(code) + target.slice(at + 1)
          // the case of a hex digit means nothing
          fc.pre(changed.toLowerCase() !== target.toLowerCase() || at < target.length - 64)
          fc.pre(changed !== target)
          expect(callerOf(changed)).toBeUndefined()
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('a call with a token', () => {
  const plain = `${PATH}?file_id=1`

  it('names its client', () => {
    expect(callerOf(plain, 'Bearer shop-token')).toBe('shop')
    expect(callerOf(plain, 'bearer other-token')).toBe('token-only')
  })

  it.each([undefined, '', 'Bearer', 'Bearer wrong', 'Bearer elsewhere-token', 'Basic shop-token'])(
    'is refused with %j',
    (authorization) => {
      expect(callerOf(plain, authorization)).toBeUndefined()
    },
  )
})

describe('a call with both', () => {
  it('needs both to hold, and of one client', () => {
    expect(callerOf(signed(), 'Bearer shop-token')).toBe('shop')
    expect(callerOf(signed(), 'Bearer wrong')).toBeUndefined()
    expect(callerOf(signed(), 'Bearer other-token')).toBeUndefined()
    expect(callerOf(signed(), 'Basic dXNlcjpwYXNz')).toBeUndefined()
    expect(callerOf(`${signed().slice(0, -64)}${'0'.repeat(64)}`, 'Bearer shop-token')).toBe(
      undefined,
    )
  })
})
