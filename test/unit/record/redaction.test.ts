import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Route } from '../../../src/http/route.ts'
import { KeyRing } from '../../../src/link/key-ring.ts'
import type { Scheme } from '../../../src/link/scheme.ts'
import { SluiceHmac } from '../../../src/link/schemes/sluice-hmac.ts'
import { SluiceJwt } from '../../../src/link/schemes/sluice-jwt.ts'
import { LinkVerifier } from '../../../src/link/verify-link.ts'
import type { AccessRecord } from '../../../src/record/access-record.ts'
import { handleRoutes } from '../../support/handled-routes.ts'
import { MemoryOrigin } from '../../support/memory-origin.ts'
import { NOW, policyOf, secretKey, SITE } from '../../support/request-parts.ts'

const key = secretKey('k1', 1)
const hmac = new SluiceHmac({ isIgnored: (name) => name === 'utm_source' })
const jwt = new SluiceJwt({})
const origin = new MemoryOrigin({})
const route = (path: string, schemes: Scheme[]): Route => ({
  path,
  originName: 'memory',
  origin,
  verifier: new LinkVerifier(schemes, new KeyRing([key])),
  policy: policyOf(),
})
const { handler, records } = handleRoutes([route('/files/', [hmac, jwt]), route('/plain/', [hmac])])

/** The record of a request that never touches a network. */
async function recordOf(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<AccessRecord> {
  const request = new IncomingMessage(new Socket())
  Object.assign(request, {
    method: 'GET',
    url,
    httpVersion: '1.1',
    rawHeaders: Object.entries({ Host: 'x', ...headers }).flat(),
  })
  const response = new ServerResponse(request)
  const before = records.length
  handler.handle(request, response)
  await new Promise(setImmediate)
  response.emit('close')
  expect(records.length).toBe(before + 1)
  return records[before]!
}

function signed(scheme: Scheme, path: string): string {
  const link = scheme.sign({ path, expiresAt: NOW + 60, constraints: {}, site: SITE }, key)
  if (!('target' in link)) throw new Error(link.detail)
  return link.target
}

const TOKEN = signed(jwt, '/files/*').split('/')[1]!.slice(1)
const SIGNATURE = TOKEN.split('.')[2]!
const LINK = signed(hmac, '/files/a')
const MAC = LINK.slice(-43)

/** The runs of 12 characters of a secret that stand in the record. */
function leaksIn(record: AccessRecord): string[] {
  const text = JSON.stringify(record)
  return [TOKEN, MAC].flatMap((secret) =>
    Array.from({ length: secret.length - 11 }, (_, at) => secret.slice(at, at + 12)).filter((run) =>
      text.includes(run),
    ),
  )
}

describe('no record holds a token or a signature', () => {
  it.each<[string, string, Record<string, string>]>([
    ['a good HMAC link', LINK, {}],
    ['a good HMAC link with an ignored parameter', `${LINK}&utm_source=${MAC}`, {}],
    ['a good HMAC link with a refused parameter', `${LINK}&${MAC}=${MAC}`, {}],
    ['a broken HMAC link', LINK.replace('/files/a', '/files/b'), {}],
    [
      'a parameter called like a signature',
      LINK.replace('&Signature', `&${MAC.slice(0, 11)}=1&Signature`),
      {},
    ],
    ['a good token in the query', `/files/a?token=${TOKEN}`, {}],
    ['a good token in the path', `/~${TOKEN}/files/a`, {}],
    ['a good token in a cookie', '/files/a', { Cookie: `sluice_token=${TOKEN}` }],
    ['a good Bearer token', '/files/a', { Authorization: `Bearer ${TOKEN}` }],
    ['a broken token in the query', `/files/a?token=${TOKEN}x`, {}],
    ['a broken token in the path', `/~${TOKEN}x/files/a`, {}],
    ['a token in path and cookie', `/~${TOKEN}/files/a`, { Cookie: `sluice_token=${TOKEN}` }],
    ['a token in the path before a hostile path', `/~${TOKEN}/files/../x`, {}],
    ['a token in the path and nothing behind it', `/~${TOKEN}/`, {}],
    ['a token in the Referer', '/files/a', { Referer: `https://x.example/?token=${TOKEN}` }],
    ['a token as User-Agent', '/files/a', { 'User-Agent': TOKEN }],
    ['an absolute target', `http://host/files/a?token=${TOKEN}`, {}],
  ])('%s', async (_what, url, headers) => {
    expect(leaksIn(await recordOf(url, headers))).toEqual([])
  })

  it.each([
    ['a token in the path before a route that takes none', `/~${TOKEN}/plain/a`],
    ['a token in the path before no route', `/~${TOKEN}/nowhere/a`],
    ['a token as the whole path', `/~${TOKEN}`],
  ])('%s', async (_what, url) => {
    expect(leaksIn(await recordOf(url, {}))).toEqual([])
  })

  it('wherever tokens stand among other texts', async () => {
    const place = fc.constantFrom(
      (url: string) => `${url}?token=${TOKEN}`,
      (url: string) => `${url}?x=1&token=${TOKEN}&y=${SIGNATURE}`,
      (url: string) => `${url}?Signature=${MAC}`,
      (url: string) => `${url}?KeyId=k1&Expires=${MAC}&Signature=${MAC}`,
      (url: string) => `/~${TOKEN}${url}`,
      (url: string) => `/~${TOKEN}.x${url}`,
    )
    const paths = fc.constantFrom(
      '/files/a',
      '/files/',
      '/files/../a',
      '/files/%zz',
      '/plain/a',
      '/',
      '/nowhere',
      '/%',
      '//',
    )
    await fc.assert(
      fc.asyncProperty(place, paths, fc.boolean(), async (put, path, withCookie) => {
        const record = await recordOf(
          put(path),
          withCookie ? { Cookie: `sluice_token=${TOKEN}` } : {},
        )
        expect(leaksIn(record)).toEqual([])
      }),
      { numRuns: 150 },
    )
  })
})

it('a permitted request is named by its link id', async () => {
  expect(await recordOf(LINK, {})).toMatchObject({
    scheme: 'sluice-hmac',
    kid: 'k1',
    path: '/files/a',
    link_id: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
  })
  expect(await recordOf(`/~${TOKEN}/files/a`, {})).toMatchObject({
    scheme: 'sluice-jwt',
    path: '/files/a',
  })
})
