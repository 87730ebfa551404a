import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { RequestMessage, ResponseMessage } from '../../../../src/http/message.ts'
import { PlainConnections } from '../../../../src/http/plain/plain-connections.ts'
import { eventually } from '../../../support/eventually.ts'

const REQUEST = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n'
const LAST = 'GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
const OK = ['Content-Length', '1']

interface Times {
  readonly headMs?: number
  readonly idleMs?: number
  readonly keepAliveMs?: number
}

/** Plain connections on a port; what is handed over is cut. */
async function startPlain(
  handle: (request: RequestMessage, response: ResponseMessage) => void,
  { headMs = 30_000, idleMs = 30_000, keepAliveMs = 60_000 }: Times = {},
) {
  const accepted: Socket[] = []
  const plain = new PlainConnections({
    handle,
    handOver: (socket) => {
      socket.destroy()
    },
    isDraining: () => false,
    headMs,
    idleMs,
    keepAliveMs,
  })
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    accepted.push(socket)
    plain.accept(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    plain.destroy()
    server.close()
  })
  const open = async (): Promise<Socket> => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.on('error', () => {})
    onTestFinished(() => {
      socket.destroy()
    })
    await once(socket, 'connect')
    return socket
  }
  return { plain, accepted, open }
}

/** Everything that comes until the end. */
async function textOf(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('latin1').on('data', (part: string) => (text += part))
  await once(socket, 'close')
  return text
}

function answer(response: ResponseMessage): void {
  response.writeHead(200, [...OK])
  response.end('x')
}

describe('requests that come ahead', () => {
  it('are read only as they are answered', async () => {
    const waiting: ResponseMessage[] = []
    let answered = 0
    const { open, accepted } = await startPlain((_request, response) => {
      waiting.push(response)
    })
    const socket = await open()
    socket.resume()
    const flood = Buffer.alloc(8 * 1024 * 1024, REQUEST)
    socket.write(flood)
    for (; answered < 200; answered++) {
      await eventually('a request', () => waiting.length > 0)
      const response = waiting.pop()
      if (response) answer(response)
      // what may be read now is read
      for (let turn = 0; turn < 5; turn++) await nextTurn()
    }
    const ahead = (accepted[0]?.bytesRead ?? 0) - answered * REQUEST.length
    expect(ahead).toBeGreaterThan(64 * 1024)
    expect(ahead).toBeLessThan(512 * 1024)
  })
})

describe('a connection', () => {
  it('is closed when it never sends, and when it sends no further request', async () => {
    const times = { headMs: 150, idleMs: 200, keepAliveMs: 400 }
    const { open } = await startPlain((_request, response) => {
      answer(response)
    }, times)
    const silent = await open()
    const served = await open()
    served.write(REQUEST)
    const [nothing, text] = await Promise.all([textOf(silent), textOf(served)])
    expect(nothing).toBe('')
    expect(text).toContain('200 OK')
  })

  it('tells the answer that its reader is idle, and lives on', async () => {
    let told = 0
    const { open } = await startPlain(
      (_request, response) => {
        response.on('timeout', (stream) => {
          told++
          if (told < 3) stream.setTimeout(stream.timeout ?? 0)
          else answer(response)
        })
      },
      { idleMs: 50 },
    )
    const socket = await open()
    const text = textOf(socket)
    socket.write(LAST)
    expect(await text).toContain('200 OK')
    expect(told).toBe(3)
  })

  it('that the client half closes is gone', async () => {
    let closed = 0
    const { open, plain } = await startPlain((_request, response) => {
      response.once('close', () => closed++)
    })
    const socket = await open()
    socket.end(REQUEST)
    await eventually('its answer hears of it', () => closed === 1)
    plain.closeIdle()
  })

  it('is idle before a request, and neither in an answer nor behind the last one', async () => {
    const responses: ResponseMessage[] = []
    const { open, plain, accepted } = await startPlain((_request, response) => {
      responses.push(response)
    })
    const [busy, last, idle] = [await open(), await open(), await open()]
    busy.write(REQUEST)
    last.write(LAST)
    await eventually('two requests', () => responses.length === 2)
    responses[1]?.writeHead(200, ['Content-Length', '0'])
    responses[1]?.end()
    await eventually('the last answer', () => responses[1]?.closed === true)
    plain.closeIdle()
    await eventually(
      'the idle one is closed',
      () => idle.readyState !== 'open' || accepted[2]?.destroyed === true,
    )
    expect(accepted.slice(0, 2).map(({ destroyed }) => destroyed)).toEqual([false, false])
  })
})

describe('an answer', () => {
  it('whose fields would begin another is not begun', async () => {
    const { open } = await startPlain((_request, response) => {
      for (const value of ['a\r\nSet-Cookie: b', 'a\nb', 'a\0', 'ā']) {
        expect(() => response.writeHead(200, ['X', value])).toThrow(TypeError)
      }
      expect(response.headersSent).toBe(false)
      response.writeHead(500, ['Content-Length', '0'])
      response.end()
    })
    const socket = await open()
    const text = textOf(socket)
    socket.write(LAST)
    expect(await text).toMatch(/^HTTP\/1\.1 500 /)
  })

  it('without length ends with its last chunk, not with an empty one', async () => {
    const { open } = await startPlain((_request, response) => {
      response.writeHead(200, [])
      response.write(Buffer.from('ab'), () => {})
      response.write(Buffer.alloc(0), () => {})
      response.write(Buffer.from('c'), () => {})
      response.end()
    })
    const socket = await open()
    const text = textOf(socket)
    socket.write(LAST)
    expect((await text).split('\r\n\r\n').slice(1).join('\r\n\r\n')).toBe(
      '2\r\nab\r\n1\r\nc\r\n0\r\n\r\n',
    )
  })
})
