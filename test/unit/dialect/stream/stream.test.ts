import { beforeEach, describe, expect, test } from 'vitest'
import { type JWTPayload, SignJWT } from 'jose'
import type { ApiAnswer } from '../../../../src/http/api.ts'
import type { Key } from '../../../../src/link/key-ring.ts'
import { contextOf, pairKey } from '../../../support/request-parts.ts'
import {
  jsonOf,
  makeApis,
  objectOf,
  POOR_TOKEN,
  type TestApis,
  textOf,
} from '../../../support/test-apis.ts'

const KEY: Key = { ...pairKey('rsa', 'rs', 'RS256'), schemes: new Set(['cloudflare-stream']) }
const API = '/client/v4/accounts/a/stream'
const NO_SUCH_VIDEO = {
  status: 404,
  body: {
    result: null,
    success: false,
    errors: [{ code: 10003, message: 'Not Found' }],
    messages: [],
  },
}

let apis: TestApis

beforeEach(() => {
  apis = makeApis(['stream'], { keys: [KEY] })
})

function downloads(of: Record<string, object>): object {
  return { status: 200, body: { result: of, success: true, errors: [], messages: [] } }
}

async function resultOf(answer: Promise<ApiAnswer>): Promise<unknown> {
  return jsonOf(await answer)
}

async function refusalOf(answer: Promise<ApiAnswer>): Promise<string> {
  const refused = await answer
  return refused.kind === 'refused' ? refused.refusal.reason : refused.kind
}

async function sign(claims: JWTPayload, kid = 'rs'): Promise<string> {
  const exp = Math.floor(apis.clock.now() / 1000) + 60
  return new SignJWT({ exp, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid })
    .sign(KEY.signKey!)
}

describe('downloads', () => {
  test('go from nothing over inprogress to ready, and away again', async () => {
    await apis.put({ id: 'v', object: 'v.mov' })
    expect(await resultOf(apis.call(`${API}/v/downloads`))).toEqual(downloads({}))
    const url = 'https://files.example/v/downloads/default.mp4'
    const started = downloads({ default: { status: 'inprogress', url, percentComplete: 0 } })
    const post = apis.call(`${API}/v/downloads`, { method: 'POST' })
    expect(await resultOf(post)).toEqual(started)
    expect(await resultOf(apis.call(`${API}/v/downloads`))).toEqual(started)
    await apis.catalogue.changeRendition('v', 'mp4', { status: 'processing', percent: 75 })
    expect(await resultOf(apis.call(`${API}/v/downloads`))).toEqual(
      downloads({ default: { status: 'inprogress', url, percentComplete: 75 } }),
    )
    await apis.renditions.become('v', 'mp4', 'ready')
    expect(await resultOf(apis.call(`${API}/v/downloads`))).toEqual(
      downloads({ default: { status: 'ready', url, percentComplete: 100 } }),
    )
    const remove = apis.call(`${API}/v/downloads`, { method: 'DELETE' })
    expect(await resultOf(remove)).toMatchObject({ status: 200, body: { result: 'ok' } })
    expect(await resultOf(apis.call(`${API}/v/downloads`))).toEqual(downloads({}))
  })

  test('are asked for and removed one by one', async () => {
    await apis.put({ id: 'v', object: 'v.mov' })
    const keysAfter = async (method: string, type: string): Promise<string[]> => {
      await apis.call(`${API}/v/downloads${type}`, { method })
      const { body } = jsonOf(await apis.call(`${API}/v/downloads`)) as unknown as {
        body: { result: object }
      }
      return Object.keys(body.result)
    }
    expect(await keysAfter('POST', '/audio')).toEqual(['audio'])
    expect(await keysAfter('POST', '/default')).toEqual(['default', 'audio'])
    expect(await keysAfter('DELETE', '/audio')).toEqual(['default'])
    expect(await keysAfter('DELETE', '/audio')).toEqual(['default'])
    expect(await keysAfter('POST', '/audio')).toEqual(['default', 'audio'])
    expect(await keysAfter('DELETE', '')).toEqual([])
  })

  test('that cannot be made are an error', async () => {
    await apis.put({ id: 'v', object: 'v.mov' })
    await apis.call(`${API}/v/downloads`, { method: 'POST' })
    await apis.renditions.become('v', 'mp4', 'failed')
    expect(await resultOf(apis.call(`${API}/v/downloads`))).toMatchObject({
      body: { result: { default: { status: 'error' } } },
    })
  })

  test.each(['pending', 'processing', 'failed'] as const)(
    'of a video that is %s cannot be asked for',
    async (status) => {
      await apis.put({ id: 'v', status })
      expect(await resultOf(apis.call(`${API}/v/downloads`, { method: 'POST' }))).toMatchObject({
        status: 400,
        body: { result: null, success: false, errors: [{ code: 10005 }] },
      })
      expect(await apis.catalogue.orders('v', 'mp4')).toEqual([])
    },
  )

  test('of what is no video are not found', async () => {
    await apis.put({ id: 'archive', members: ['v'], object: '' })
    for (const method of ['GET', 'POST', 'DELETE']) {
      for (const id of ['nobody', 'archive']) {
        const answer = apis.call(`${API}/${id}/downloads`, { method })
        expect([method, id, await resultOf(answer)]).toEqual([method, id, NO_SUCH_VIDEO])
      }
    }
  })
})

describe('a caller', () => {
  const error = (code: number, message: string): object => ({
    result: null,
    success: false,
    errors: [{ code, message }],
    messages: [],
  })

  test('without a token that is known gets 401, without the scope 403', async () => {
    const refused = { body: error(10000, 'Authentication error') }
    const anonymous = await apis.call(`${API}/v/downloads`, { headers: {} })
    expect(jsonOf(anonymous)).toEqual({ status: 401, ...refused })
    expect(textOf(anonymous).headers).toEqual(['WWW-Authenticate', 'Bearer realm="sluice"'])
    const headers = { authorization: `Bearer ${POOR_TOKEN}` }
    const poor = apis.call(`${API}/v/downloads`, { headers })
    expect(await resultOf(poor)).toEqual({ status: 403, ...refused })
  })

  test('may write the path in two forms, with any account', async () => {
    await apis.put({ id: 'v' })
    for (const base of ['/accounts/b', '/client/v4/accounts/023e105f4ecef8ad9ca31a8372d0c353']) {
      expect(await resultOf(apis.call(`${base}/stream/v/downloads`))).toEqual(downloads({}))
    }
  })

  test('cannot misspell a parameter unnoticed', async () => {
    await apis.put({ id: 'v' })
    for (const query of ['exp=1', 'a&a', '%zz']) {
      const answer = apis.call(`${API}/v/downloads?${query}`)
      expect(await resultOf(answer)).toMatchObject({ status: 400 })
    }
    const answer = apis.call(`${API}/v/downloads?utm_source=mail`)
    expect(await resultOf(answer)).toMatchObject({ status: 200 })
  })

  test('hears of the gateway in the envelope, except at the files', () => {
    const problem = { status: 405, code: 'method_not_allowed', title: 'The method is not allowed' }
    const said = (path: string): unknown => apis.endpoint(path).problem(contextOf(path), problem)
    expect(said('/v/downloads/default.mp4')).toBeUndefined()
    expect(JSON.parse((said(`${API}/keys`) as { body: string }).body)).toEqual(
      error(10405, 'The method is not allowed'),
    )
  })
})

describe('the file of a download', () => {
  beforeEach(async () => {
    await apis.put({ id: 'v', filename: 'Ferien in Süd.mov', object: 'v.mov' })
    await apis.put({ id: 'p', object: 'p.mov', requireSigned: true })
    for (const id of ['v', 'p']) {
      await apis.call(`${API}/${id}/downloads`, { method: 'POST' })
      await apis.renditions.become(id, 'mp4', 'ready')
    }
  })

  const file = (who: string, query = '', type = 'default.mp4'): Promise<ApiAnswer> =>
    apis.call(`/${who}/downloads/${type}${query}`, { headers: {} })

  test('is the rendition, saved under the name of the video', async () => {
    const { name, grant } = objectOf(await file('v'))
    expect(name).toBe('v/mp4/Ferien_in_S_d.mp4')
    expect(grant).toMatchObject({
      scheme: 'stream',
      resource: { kind: 'exact', path: `/assets/${name}` },
      constraints: { filename: 'Ferien in Süd.mp4' },
    })
  })

  test('is named by the query, with its extension', async () => {
    for (const filename of ['a', 'A-z_0', 'x'.repeat(120)]) {
      const { grant } = objectOf(await file('v', `?filename=${filename}`))
      expect(grant.constraints.filename).toBe(`${filename}.mp4`)
    }
  })

  test.each(['', 'x'.repeat(121), 'a.b', 'a%20b', 'a%2Fb', 'ü', 'a&filename=b', 'a&other=b'])(
    'with ?filename=%s is refused',
    async (query) => {
      const answer = textOf(await file('v', `?filename=${query}`))
      expect(answer).toMatchObject({ status: 400, mediaType: 'application/problem+json' })
    },
  )

  test('names nothing that could be served before it is asked for or ready', async () => {
    const names = async (): Promise<string> => objectOf(await file('v', '', 'audio.m4a')).name
    expect(await names()).toBe('v/absent')
    await apis.call(`${API}/v/downloads/audio`, { method: 'POST' })
    expect(await names()).toBe('v/absent')
    await apis.renditions.become('v', 'm4a', 'ready')
    expect(await names()).toBe('v/m4a/Ferien_in_S_d.m4a')
  })

  test('of a private video asks for a token that may download', async () => {
    expect(await refusalOf(file('p'))).toBe('link_missing')
    expect(await refusalOf(file(await sign({ sub: 'p' })))).toBe('link_resource_mismatch')
    expect(await refusalOf(file(await sign({ sub: 'p', downloadable: false })))).toBe(
      'link_resource_mismatch',
    )
    const token = await sign({ sub: 'p', downloadable: true, jti: 'ticket' })
    const { grant, name } = objectOf(await file(token))
    expect(grant).toMatchObject({
      scheme: 'cloudflare-stream',
      linkId: 'ticket',
      resource: { path: `/assets/${name}` },
    })
  })

  test('of a public video takes any good token, and no bad one', async () => {
    const { name } = objectOf(await file(await sign({ sub: 'v' })))
    expect(name).toBe('v/mp4/Ferien_in_S_d.mp4')
    expect(await refusalOf(file(await sign({ sub: 'v' }, 'other')))).toBe('link_key_unknown')
    for (const broken of ['v.v', 'a.b.c', 'v%20', 'x'.repeat(65)]) {
      expect([broken, await refusalOf(file(broken))]).toEqual([broken, 'link_malformed'])
    }
  })

  test('of nobody is not there, however it is asked for', async () => {
    expect(await refusalOf(file('nobody'))).toBe('object_not_found')
    expect(await refusalOf(file(await sign({ sub: 'nobody' })))).toBe('object_not_found')
  })
})
