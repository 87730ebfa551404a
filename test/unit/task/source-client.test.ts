import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { HttpResponse } from '../../../src/origin/http/http-response.ts'
import { type Resolve, SourceClient } from '../../../src/task/source-client.ts'
import { SourceRule } from '../../../src/task/source-rule.ts'
import { CollectingSink } from '../../support/collecting-sink.ts'
import { SourceServer } from '../../support/source-server.ts'

const { signal } = new AbortController()
const FORBIDDEN = '127.0.0.2'

let server: SourceServer

beforeAll(async () => {
  server = await SourceServer.start('0.0.0.0')
  server.files.set('/a', { content: Buffer.from('bytes') })
})

beforeEach(() => {
  server.connections = 0
})

afterAll(() => server.stop())

/** A client that may fetch from source.example alone, and connect to anything but one address. */
function clientWith(resolve: Resolve): { client: SourceClient; url: (path: string) => URL } {
  const host = `source.example:${server.port}`
  const rule = new SourceRule([host], (address) => address !== FORBIDDEN)
  return {
    client: new SourceClient(rule, resolve),
    url: (path) => new URL(`http://${host}${path}`),
  }
}

async function textOf(response: HttpResponse): Promise<string> {
  const sink = new CollectingSink()
  response.send(0, Infinity, sink)
  expect(await sink.done).toBeUndefined()
  return sink.bytes.toString()
}

describe('a source client', () => {
  test('connects to the address that it judged, and looks a name up once a hop', async () => {
    const asked: string[] = []
    const { client, url } = clientWith(async (host) => {
      asked.push(host)
      return asked.length === 1 ? ['127.0.0.1'] : [FORBIDDEN]
    })
    const { response } = await client.get(url('/a'), {}, signal)
    expect(await textOf(response)).toBe('bytes')
    expect(asked).toEqual(['source.example'])
  })

  test('judges the second answer of a name that redirects to itself', async () => {
    let lookUps = 0
    server.answer = (_, response) => {
      response.writeHead(302, { location: '/a', connection: 'close' }).end()
    }
    const { client, url } = clientWith(async () => (++lookUps === 1 ? ['127.0.0.1'] : [FORBIDDEN]))
    await expect(client.get(url('/redirect'), {}, signal)).rejects.toMatchObject({
      code: 'ERR_ORIGIN_REDIRECT',
    })
    expect(lookUps).toBe(2)
    expect(server.connections).toBe(1)
  })

  test.each([
    ['a forbidden address', [FORBIDDEN]],
    ['one forbidden address among others', ['127.0.0.1', FORBIDDEN]],
    ['an answer that is no address', ['localhost']],
  ])('connects to none of a name with %s', async (_, addresses) => {
    const { client, url } = clientWith(async () => addresses)
    await expect(client.get(url('/a'), {}, signal)).rejects.toMatchObject({
      code: 'ERR_ORIGIN_REDIRECT',
    })
    expect(server.connections).toBe(0)
  })

  test('tries the next address when one is not reached', async () => {
    // nothing listens on the IPv6 loopback address
    const { client, url } = clientWith(async () => ['::1', '127.0.0.1'])
    const { response } = await client.get(url('/a'), {}, signal)
    expect(await textOf(response)).toBe('bytes')
  })

  test('says that a name without an address cannot be reached', async () => {
    for (const resolve of [async () => [], async () => Promise.reject(new Error('ENOTFOUND'))]) {
      const { client, url } = clientWith(resolve)
      await expect(client.get(url('/a'), {}, signal)).rejects.toMatchObject({
        code: 'ERR_ORIGIN_UNREACHABLE',
      })
    }
  })

  test('waits for no look-up after the end of its work', async () => {
    const abort = new AbortController()
    const { client, url } = clientWith(() => new Promise(() => {}))
    const asking = client.get(url('/a'), {}, abort.signal)
    abort.abort()
    await expect(asking).rejects.toMatchObject({ code: 'ERR_CLIENT_ABORTED' })
  })
})
