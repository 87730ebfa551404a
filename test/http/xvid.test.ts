import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { targetOf } from '../support/api-client.ts'
import { expectCommonHeaders, expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { send } from '../support/http-client.ts'
import { NOW } from '../support/request-parts.ts'
import {
  answerOf,
  errorJson,
  errorXml,
  FILM,
  FORBIDDEN,
  INVALID,
  OTHER_TOKEN,
  startXvidGateway,
  XVID_PATH,
  XVID_TOKEN,
  type XvidGateway,
} from '../support/xvid-gateway.ts'

const BEARER = { authorization: `Bearer ${XVID_TOKEN}` }

let xvid: XvidGateway

beforeAll(async () => {
  xvid = await startXvidGateway()
})

afterAll(async () => {
  await xvid.gateway.close()
})
describe('the URL of a call', () => {
  test('downloads the file under its name, for 180 seconds', async () => {
    const link = await xvid.linkOf('file_id=film')
    const reply = await xvid.fetchAs(link)
    expect(reply.status).toBe(200)
    expectCommonHeaders(reply)
    expect(reply.body.equals(FILM)).toBe(true)
    expect(reply.headers['content-type']).toBe('video/mp4')
    expect(reply.headers['content-disposition']).toMatch(/^attachment;.*filename\*=UTF-8''Ferien/)
    expect(link).toContain(`Expires=${NOW + 180}`)
  })

  test('takes a client that sends its token along, as one does that follows the redirect', async () => {
    const link = await xvid.linkOf('file_id=film')
    const { gateway } = xvid
    const wanted = async (token: string): Promise<number> =>
      (await send(gateway, link, { headers: { authorization: `Bearer ${token}` } })).status
    expect(await wanted(XVID_TOKEN)).toBe(200)
    expect(await wanted('a.second.link')).toBe(403)
    const { pathname } = new URL(link, gateway.url)
    expect((await send(gateway, pathname, { headers: BEARER })).status).toBe(401)
  })

  test('is the same file by its key and pipeline', async () => {
    const link = await xvid.linkOf('object_key=films%2Fa.mp4&pipeline_id=77')
    expect((await xvid.fetchAs(link)).body.equals(FILM)).toBe(true)
    expect(answerOf(await xvid.call('object_key=films%2Fa.mp4&pipeline_id=78'))).toEqual({
      status: 404,
      body: errorJson('0x0230002', 'Requested file does not exist'),
    })
  })

  test('comes in JSON or XML, indented on request', async () => {
    const { headers, body } = await xvid.call('file_id=film&human=true')
    expect(headers['content-type']).toBe('application/json')
    expect(body.toString()).toMatch(/^\{\n {2}"url": "https?:[^\n]*"\n\}$/)
    for (const [query, accept] of [
      ['format=xml', undefined],
      ['format=xml', 'application/json'],
      ['anti_fraud=false', 'application/xml'],
    ] as const) {
      const reply = await xvid.call(`file_id=film&${query}`, {
        ...BEARER,
        ...(accept && { accept }),
      })
      expect(reply.headers['content-type']).toBe('application/xml')
      const url = /^<response><url>([^<]*)<\/url><\/response>$/.exec(reply.body.toString())?.[1]
      const link = targetOf(xvid.gateway, url?.replaceAll('&amp;', '&') ?? '')
      expect((await xvid.fetchAs(link)).status).toBe(200)
    }
    const tall = await xvid.call('file_id=film&format=xml&human=true')
    expect(tall.body.toString()).toMatch(/^<response>\n {2}<url>[^\n]*<\/url>\n<\/response>$/)
  })

  test('is where a redirect leads, and its body still', async () => {
    const reply = await xvid.call('file_id=film&redirect=true')
    expect(reply.status).toBe(302)
    const { url } = JSON.parse(reply.body.toString()) as { url: string }
    expect(reply.headers.location).toBe(url)
    expect((await xvid.fetchAs(targetOf(xvid.gateway, url))).status).toBe(200)
  })

  test('is asked for with or without the slash, by GET or HEAD', async () => {
    const slash = await send(xvid.gateway, `${XVID_PATH}/?file_id=film`, { headers: BEARER })
    expect(slash.status).toBe(200)
    const head = await send(xvid.gateway, `${XVID_PATH}?file_id=film&redirect=true`, {
      method: 'HEAD',
      headers: BEARER,
    })
    expect(head.status).toBe(302)
    expect(head.body).toHaveLength(0)
    expect((await xvid.fetchAs(targetOf(xvid.gateway, head.headers.location ?? null))).status).toBe(
      200,
    )
  })

  test('of an archive is a list, one of each file', async () => {
    const { url } = JSON.parse((await xvid.call('file_id=archive')).body.toString()) as {
      url: string[]
    }
    const bodies = await Promise.all(url.map((each) => xvid.fetchAs(targetOf(xvid.gateway, each))))
    expect(bodies.map(({ body }) => body.length)).toEqual([FILM.length, 6])
    const xml = (await xvid.call('file_id=archive&format=xml')).body.toString()
    expect(xml).toMatch(/^<response>(?:<url>[^<]+<\/url>){2}<\/response>$/)
    expect(answerOf(await xvid.call('file_id=archive&redirect=true'))).toEqual(INVALID)
    expect((await xvid.call('file_id=unfinished')).status).toBe(404)
  })

  test('leads to nothing when the object is gone from its origin', async () => {
    rmSync(join(xvid.gateway.root, 'gone.mp4'))
    expectProblem(await xvid.fetchAs(await xvid.linkOf('file_id=gone')), 404, 'object_not_found')
  })
})

describe('an error', () => {
  const rows: [string, string, number, string, string][] = [
    ['a parameter without sense', 'file_id=film&ip=x', 400, '0x0230001', 'Invalid Input'],
    ['no file', '', 400, '0x0230001', 'Invalid Input'],
    ['an unknown file', 'file_id=nosuch', 404, '0x0230002', 'Requested file does not exist'],
    ['a file to come', 'file_id=pending', 404, '0x0230002', 'Requested file does not exist'],
    ['a failed file', 'file_id=failed', 404, '0x0230002', 'Requested file does not exist'],
  ]

  test.each(rows)('of %s is the published one', async (_, query, status, code, message) => {
    const json = await xvid.call(query)
    expect(answerOf(json)).toEqual({
      status,
      body: errorJson(code, message),
    })
    expect(json.headers['content-type']).toBe('application/json')
    expect(json.headers['cache-control']).toBe('no-store')
    const xml = await xvid.call(`${query}&format=xml`)
    expect(answerOf(xml)).toEqual({
      status,
      body: errorXml(code, message),
    })
    expect(xml.headers['content-type']).toBe('application/xml')
    expect((await xvid.call(`${query}&human=true`)).body.toString()).toBe(`{
  "error": {
    "error_code": "${code}",
    "error_message": "${message}"
  }
}`)
  })

  test.each([
    'file_id=film&human=yes',
    'file_id=film&redirect=1',
    'file_id=film&streaming=',
    'file_id=film&anti_fraud=TRUE',
    'file_id=film&multi_use=no',
    'file_id=film&max_parallel_downloads=0',
    'file_id=film&max_paralel_downloads=1',
    'file_id=film&ip=192.168.2.1',
    'file_id=film&ip=4294967296',
    'file_id=film&expiry_time=tomorrow',
    `file_id=film&autograph_tag=${'x'.repeat(65)}`,
    'file_id=film&file_id=note',
    'file_id=film&object_key=note.txt&pipeline_id=1',
    'object_key=films/a.mp4',
    'pipeline_id=77',
    'file_id=film&signature=00',
    'file_id=film&%73ignature=00',
  ])('answers %s', async (query) => {
    const isForged = query.endsWith('&signature=00')
    expect(answerOf(await xvid.call(query))).toEqual(isForged ? FORBIDDEN : INVALID)
  })

  test('of a format that is none is in JSON', async () => {
    const reply = await xvid.call('file_id=film&format=html', {
      ...BEARER,
      accept: 'application/xml',
    })
    expect(answerOf(reply)).toEqual(INVALID)
  })

  test('ignored parameters make none', async () => {
    expect((await xvid.call('file_id=film&utm_source=mail')).status).toBe(200)
  })

  test.each([
    {},
    { authorization: 'Bearer nobody' },
    { authorization: `Bearer ${OTHER_TOKEN}` },
    { authorization: `Basic ${XVID_TOKEN}` },
    { authorization: 'Bearer' },
  ])('of a caller who may not is always the same: %j', async (headers: Record<string, string>) => {
    for (const query of ['file_id=film', 'file_id=nosuch', 'ip=x']) {
      expect(answerOf(await xvid.call(query, headers))).toEqual(FORBIDDEN)
    }
    const xml = await xvid.call('file_id=film', { ...headers, accept: 'application/xml' })
    expect(answerOf(xml)).toEqual({
      status: 403,
      body: errorXml('0x0000003', 'Invalid access token'),
    })
  })

  test('of the gateway itself has the same shape', async () => {
    const json = await send(xvid.gateway, `${XVID_PATH}?file_id=film`, {
      method: 'POST',
      headers: BEARER,
    })
    expect(answerOf(json)).toEqual({
      status: 405,
      body: errorJson('0x0000010', 'Method not allowed'),
    })
    expect(json.headers.allow).toBe('GET, HEAD, OPTIONS')
    const xml = await send(xvid.gateway, `${XVID_PATH}?format=xml&human=true`, { method: 'DELETE' })
    expect(xml.headers['content-type']).toBe('application/xml')
    expect(xml.body.toString()).toBe(`<response>
  <error>
    <error_code>0x0000010</error_code>
    <error_message>Method not allowed</error_message>
  </error>
</response>`)
  })
})

test('the record of a call names client and error, and holds no secret of it', async () => {
  const { headers } = await xvid.call('file_id=film')
  const refused = await send(xvid.gateway, xvid.signed('file_id=nosuch&client_id=shop'))
  const ids = [headers['x-request-id'], refused.headers['x-request-id']]
  let ours: AccessRecord[] = []
  await eventually('recorded', async () => {
    ours = (await xvid.gateway.records(1)).filter(({ request_id }) => ids.includes(request_id))
    return ours.length === ids.length
  })
  expect(ours).toMatchObject([
    { route: XVID_PATH, kid: 'shop', status: 200, decision: 'permit' },
    { route: XVID_PATH, kid: 'shop', status: 404, decision: 'deny', reason: '0x0230002' },
  ])
  const log = readFileSync(join(xvid.gateway.directory, 'access.jsonl'), 'utf8')
  expect(log).not.toMatch(/signature|token-of-/)
})

test('a gateway that cannot sign fails, in the shape of the API', async () => {
  const own = await startXvidGateway()
  const { keys } = (await (await own.gateway.admin('/v1/keys')).json()) as {
    keys: { kid: string; schemes: string[] }[]
  }
  for (const { kid } of keys.filter(({ schemes }) => schemes.includes('sluice-hmac'))) {
    await own.gateway.admin(`/v1/keys/${kid}/retire`, { method: 'POST', body: {} })
  }
  own.clock.advance(1)
  const [json, xml] = [await own.call('file_id=film'), await own.call('file_id=film&format=xml')]
  await own.gateway.close()
  expect(answerOf(json)).toEqual({ status: 500, body: errorJson('0x0000001', 'Internal Error') })
  expect(answerOf(xml)).toEqual({ status: 500, body: errorXml('0x0000001', 'Internal Error') })
})
