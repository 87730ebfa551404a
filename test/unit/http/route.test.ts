import { describe, expect, it } from 'vitest'
import { type Location, type Route, RouteTable } from '../../../src/http/route.ts'
import { KeyRing } from '../../../src/link/key-ring.ts'
import type { Scheme } from '../../../src/link/scheme.ts'
import { SluiceHmac } from '../../../src/link/schemes/sluice-hmac.ts'
import { SluiceJwt } from '../../../src/link/schemes/sluice-jwt.ts'
import { LinkVerifier } from '../../../src/link/verify-link.ts'
import { cutTarget } from '../../../src/request/request-target.ts'
import { MemoryOrigin } from '../../support/memory-origin.ts'
import { policyOf } from '../../support/request-parts.ts'

const hmac = new SluiceHmac({ isIgnored: () => false })
const jwt = new SluiceJwt({})
/** Its token is the last segment: `/PATH/!TOKEN`. */
const suffixed: Scheme = Object.assign(new SluiceHmac({ isIgnored: () => false }), {
  cutPath: (rawPath: string) => /^(.*)\/![^/]*$/.exec(rawPath)?.[1],
})

function route(path: string, ...schemes: Scheme[]): Route {
  return {
    path,
    originName: 'memory',
    origin: new MemoryOrigin({}),
    verifier: new LinkVerifier(schemes, new KeyRing([])),
    policy: policyOf(),
  }
}

describe('sluice-jwt cuts a token out of a path', () => {
  it.each([
    ['/~tok.en-1/files/a', '/files/a'],
    ['/~/files/a', '/files/a'],
    ['/~t/', '/'],
    ['/~one/~two/a', '/~two/a'],
  ])('%s leaves %s', (rawPath, left) => {
    expect(jwt.cutPath(rawPath)).toBe(left)
  })

  it.each(['/files/~token/a', '/~token', '/%7Etoken/a', '//~token/a', '/a/~t/b'])(
    '%s has none',
    (rawPath) => {
      expect(jwt.cutPath(rawPath)).toBeUndefined()
    },
  )
})

describe('where a request leads', () => {
  const locate = (routes: readonly Route[], url: string): Location =>
    new RouteTable(routes).locate(cutTarget(url)!)
  const found = (routes: readonly Route[], url: string): (string | undefined)[] => {
    const { path, route: at } = locate(routes, url)
    return [path, at?.path]
  }
  const native = [route('/files/', hmac, jwt), route('/plain/', hmac)]

  it('a token is cut out where the route behind it takes such links', () => {
    expect(found(native, '/~t/files/a')).toEqual(['/files/a', '/files/'])
    expect(found(native, 'http://host/~t/files/a?b=c')).toEqual(['/files/a', '/files/'])
    expect(found(native, '/~t/plain/a')).toEqual(['/~t/plain/a', undefined])
    expect(found(native, '/~t/nowhere/a')).toEqual(['/~t/nowhere/a', undefined])
    expect(found(native, '/files/~t/a')).toEqual(['/files/~t/a', '/files/'])
  })

  it('a second token stays in the path', () => {
    expect(found(native, '/~one/~two/files/a')).toEqual(['/~one/~two/files/a', undefined])
  })

  it('a hostile path behind a token stays hostile', () => {
    const { path, route: at, why } = locate(native, '/~t/files/../a')
    expect([path, at]).toEqual([undefined, undefined])
    expect(why).not.toBe('')
  })

  it('a route takes only the tokens of its own formats out of its paths', () => {
    const routes = [route('/a/', suffixed), route('/b/', hmac)]
    expect(found(routes, '/a/x/!t')).toEqual(['/a/x', '/a/'])
    expect(found(routes, '/b/x/!t')).toEqual(['/b/x/!t', '/b/'])
  })

  it('a route for everything leaves tokens to the routes below it', () => {
    const routes = [route('/', hmac), ...native]
    expect(found(routes, '/~t/files/a')).toEqual(['/files/a', '/files/'])
    expect(found(routes, '/~t/other/a')).toEqual(['/~t/other/a', '/'])
  })
})
