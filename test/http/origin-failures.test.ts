import { truncateSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { expectFreed } from '../support/figures.ts'
import { openDownload, type Reply, send } from '../support/http-client.ts'
import { rawExchange } from '../support/raw-http.ts'
import { RawServer } from '../support/raw-server.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'
import { TRANSPORT } from '../support/transport.ts'

const LARGE = 12 * 1024 * 1024
const half = 'h'.repeat(30_000)

let gateway: TestGateway
let origin: RawServer
/** What the origin writes for each request. */
let answer: (socket: Socket, head: string) => void

beforeAll(async () => {
  origin = await RawServer.start((head, socket) => {
    answer(socket, head)
  })
  const gone = await RawServer.start(() => {})
  const goneUrl = gone.url
  await gone.stop()
  gateway = await startTestGateway({
    files: { 'a.bin': 'small' },
    config: {
      origins: {
        raw: { type: 'http', url: origin.url, timeoutSeconds: 0.5 },
        gone: { type: 'http', url: goneUrl },
      },
    },
    routes: [
      { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
      { path: '/raw/', origin: 'raw', schemes: ['sluice-hmac'] },
      { path: '/gone/', origin: 'gone', schemes: ['sluice-hmac'] },
    ],
  })
})

afterEach(async () => {
  await expectFreed(gateway)
})

afterAll(async () => {
  await gateway.close()
  await origin.stop()
})

const get = (path = '/raw/a.bin', headers = {}): Promise<Reply> =>
  send(gateway, gateway.sign(path), { headers })

const head = (...fields: string[]): string =>
  ['HTTP/1.1 200 OK', 'ETag: "o"', ...fields, '', ''].join('\r\n')

describe('before the head of the answer is out, a failure is answered', () => {
  test('an origin that refuses the connection: 502', async () => {
    expectProblem(await get('/gone/a.bin'), 502, 'origin_unreachable')
  })

  test('an origin that closes without an answer: 502', async () => {
    answer = (socket) => socket.destroy()
    expectProblem(await get(), 502, 'origin_unreachable')
  })

  test('an origin that says nothing for timeoutSeconds: 504', async () => {
    answer = () => {}
    const began = performance.now()
    expectProblem(await get(), 504, 'origin_timeout')
    expect(performance.now() - began).toBeLessThan(2000)
  })

  test('an origin whose head never ends: 504', async () => {
    answer = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Le')
    expectProblem(await get(), 504, 'origin_timeout')
  })

  test('an origin that sends a head and no byte of the body: 504', async () => {
    answer = (socket) => socket.write(head('Content-Length: 10'))
    expectProblem(await get(), 504, 'origin_timeout')
  })

  test.each(['500 Oops', '503 Busy', '401 No', '403 No', '204 Nothing', '206 Part', '999 X'])(
    'an origin that answers %s: 502',
    async (status) => {
      answer = (socket) => {
        const fields = 'Content-Length: 6\r\nSet-Cookie: a=b\r\nServer: secret'
        socket.write(
          `HTTP/1.1 ${status}\r\n${fields}\r\n\r\n${status.startsWith('204') ? '' : 'secret'}`,
        )
      }
      const reply = await get()
      expectProblem(reply, 502, 'origin_response_invalid')
      expect(JSON.stringify(reply.headers)).not.toMatch(/secret|set-cookie/)
    },
  )

  test.each(['404 Not Found', '410 Gone'])('an origin that answers %s: 404', async (status) => {
    answer = (socket) => socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\nno`)
    expectProblem(await get(), 404, 'object_not_found')
  })

  test.each([301, 302, 303, 307, 308])(
    'an origin that redirects (%i): 502, not followed, Location not relayed',
    async (status) => {
      const before = origin.heads.length
      answer = (socket) => {
        const location = `${origin.url}elsewhere`
        socket.write(`HTTP/1.1 ${status} Go\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`)
      }
      const reply = await get()
      expectProblem(reply, 502, 'origin_redirect_refused')
      expect(reply.headers['location']).toBeUndefined()
      expect(origin.heads.length).toBe(before + 1)
    },
  )

  test.each([
    { title: 'no HTTP', bytes: 'SSH-2.0-OpenSSH\r\n\r\n' },
    { title: 'two Content-Lengths', bytes: head('Content-Length: 5', 'Content-Length: 6') },
    { title: 'a negative length', bytes: head('Content-Length: -5') },
    {
      title: 'a length and chunks',
      bytes: head('Content-Length: 5', 'Transfer-Encoding: chunked'),
    },
    {
      title: 'another range than asked',
      bytes: 'HTTP/1.1 206 Part\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n55555',
    },
  ])('an origin that answers with $title: 502', async ({ bytes }) => {
    answer = (socket) => socket.write(`${bytes}12345`)
    expectProblem(await get('/raw/a.bin', { range: 'bytes=0-4' }), 502, 'origin_response_invalid')
  })
})

describe('after the head is out the connection is cut, never a clean end on short bytes', () => {
  async function expectCut(
    headers: string,
    middle: (socket: Socket) => void,
    body = half,
  ): Promise<void> {
    answer = (socket) => {
      socket.write(headers + body)
      setTimeout(() => {
        middle(socket)
      }, 50)
    }
    const reply = await get()
    expect(reply.status).toBe(200)
    expect(reply.isComplete).toBe(false)
    expect(reply.body.toString()).toBe(half)
    const seen = await rawExchange(gateway.port, rawGet())
    expect(seen).toMatch(/^HTTP\/1\.1 200 OK/)
    expect(seen).not.toMatch(/0\r\n\r\n$/)
  }
  const rawGet = (version = '1.1'): string =>
    `GET ${gateway.sign('/raw/a.bin')} HTTP/${version}\r\nHost: x\r\n\r\n`
  const LENGTH = head('Content-Length: 60000')
  const CHUNKED = head('Transfer-Encoding: chunked')
  const chunk = `7530\r\n${half}\r\n`

  test('an origin that closes too early', async () => {
    await expectCut(LENGTH, (socket) => socket.end())
  })

  test('an origin that resets', async () => {
    await expectCut(LENGTH, (socket) => socket.resetAndDestroy())
  })

  test('an origin that stands still', async () => {
    await expectCut(LENGTH, () => {})
  })

  test('an origin that closes in the middle of chunks', async () => {
    await expectCut(CHUNKED, (socket) => socket.end(), chunk)
  })

  test('an origin that resets in the middle of chunks', async () => {
    await expectCut(CHUNKED, (socket) => socket.resetAndDestroy(), chunk)
  })

  test('an origin that sends a broken chunk', async () => {
    await expectCut(CHUNKED, (socket) => socket.write('XYZ\r\n'), chunk)
  })

  // over TLS in tls.test.ts
  test.runIf(TRANSPORT === 'plain')(
    'an HTTP/1.0 client of chunks gets a reset, since only that tells it',
    async () => {
      answer = (socket) => {
        socket.write(CHUNKED + chunk)
        setTimeout(() => socket.end(), 50)
      }
      expect(await endOf(rawGet('1.0'))).toBe('ECONNRESET')
      answer = (socket) => socket.write(`${CHUNKED}${chunk}0\r\n\r\n`)
      expect(await endOf(rawGet('1.0'))).toBe('end')
    },
  )

  function endOf(request: string): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect(gateway.port, '127.0.0.1', () => socket.write(request))
      socket.resume()
      socket.once('end', () => {
        resolve('end')
      })
      socket.once('error', (error: NodeJS.ErrnoException) => {
        resolve(error.code ?? '')
      })
    })
  }

  test('a file that is truncated while it is sent', async () => {
    writeFileSync(join(gateway.root, 'shrinking.bin'), Buffer.alloc(LARGE))
    const open = await openDownload(gateway, gateway.sign('/files/shrinking.bin'))
    await open.read(1000)
    truncateSync(join(gateway.root, 'shrinking.bin'), 1000)
    const reply = await open.rest()
    expect(reply.isComplete).toBe(false)
    expect(reply.body.length).toBeLessThan(LARGE)
  })

  test('the record says that the origin ended it', async () => {
    answer = (socket) => socket.end(LENGTH + half)
    const reply = await get()
    const id = reply.headers['x-request-id']
    await eventually('the record is written', async () => {
      const record = (await gateway.records(1)).find(({ request_id }) => request_id === id)
      if (!record) return false
      expect(record).toMatchObject({
        status: 200,
        ended_by: 'origin',
        reason: 'origin_read_failed',
        bytes: 30_000,
        coverage: 0.5,
      })
      return true
    })
  })
})

describe('what the origin sends too much', () => {
  test('bytes behind the Content-Length are not relayed', async () => {
    answer = (socket) => socket.write(`${head('Content-Length: 5')}12345surplus`)
    const reply = await get()
    expect(reply.body.toString()).toBe('12345')
    expect(reply.isComplete).toBe(true)
    answer = (socket) => socket.write(`${head('Content-Length: 3')}abc`)
    expect((await get()).body.toString()).toBe('abc')
  })
})

describe('a client that goes away ends the request at the origin', () => {
  test('in the middle of a large body', async () => {
    answer = (socket) => socket.write(head('Content-Length: 1000000') + half)
    const open = await openDownload(gateway, gateway.sign('/raw/a.bin'))
    await open.read(10)
    const [held] = [...origin.sockets].slice(-1)
    open.kill()
    await eventually('the origin connection is closed', () => held?.destroyed === true, 400)
  })

  test('before the origin answered', async () => {
    const before = origin.heads.length
    answer = () => {}
    const gone = new AbortController()
    const asked = fetch(gateway.url + gateway.sign('/raw/a.bin'), { signal: gone.signal })
    await eventually('the origin was asked', () => origin.heads.length === before + 1)
    const [held] = [...origin.sockets].slice(-1)
    gone.abort()
    await expect(asked).rejects.toThrow(/abort/)
    await eventually('the origin connection is closed', () => held?.destroyed === true, 400)
  })
})
