import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { send } from '../support/http-client.ts'
import { eachOf } from '../support/node-processes.ts'
import { workersForTest } from '../support/worker-processes.ts'

const TOKEN = 'token-of-the-shop'
const FILM = randomBytes(200_000)
const CALL = '/v1/files/downloads?file_id=film'

test('every worker hands calls of an API to the primary, and serves what they give', async () => {
  const gateway = await workersForTest(3, {
    files: { 'a.mp4': FILM },
    clients: [
      {
        id: 'shop',
        tokenSha256: createHash('sha256').update(TOKEN).digest('hex'),
        scopes: ['mediahub_download_files'],
      },
    ],
    config: { apis: { origin: 'library', xvid: {} } },
  })
  const put = await gateway.admin('/v1/assets/film', {
    method: 'PUT',
    body: { filename: 'a.mp4', origin: 'library', object: 'a.mp4' },
  })
  expect(put.status).toBe(201)
  const headers = { authorization: `Bearer ${TOKEN}` }
  const calls = await eachOf(Array.from({ length: 24 }), () =>
    send(gateway, CALL, { headers, localAddress: '127.0.0.7' }),
  )
  for (const { status, body } of calls)
    expect({ status, body: body.toString() }).toMatchObject({ status: 200 })
  const links = calls.map(({ body }) => {
    const { pathname, search } = new URL((JSON.parse(body.toString()) as { url: string }).url)
    return pathname + search
  })
  const files = await eachOf(links, (link) => send(gateway, link, { localAddress: '127.0.0.7' }))
  for (const { status, body } of files) {
    expect(status).toBe(200)
    expect(body.equals(FILM)).toBe(true)
  }
  // a client that follows a redirect sends its token along
  expect((await send(gateway, links[0] ?? '', { headers })).status).toBe(200)
  expect((await send(gateway, CALL)).status).toBe(403)
  expect((await send(gateway, '/nowhere')).status).toBe(404)
  const posted = await send(gateway, CALL, { method: 'POST', headers })
  expect(posted.status).toBe(405)
  const records = await gateway.records((all) => all.length >= 24 + 24 + 4)
  const ofCalls = records.filter(({ route }) => route === '/v1/files/downloads')
  expect(
    ofCalls.filter(({ status }) => status === 200).map(({ client, kid }) => [client, kid]),
  ).toEqual(Array.from({ length: 24 }, () => ['127.0.0.7', 'shop']))
  expect(records).toHaveLength(52)
}, 120_000)
