import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { expectFreed } from '../support/figures.ts'
import { onPath, type Path, PATHS } from '../support/kernel-copy.ts'
import { RawServer } from '../support/raw-server.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const SIZES = [1024, 20 * 1024, 1024 * 1024] as const
const BODIES = new Map(SIZES.map((size) => [`${size}.bin`, randomBytes(size)]))
/** What a client sends behind its last request; each is a segment of its own. */
const BEHIND = { nothing: 0, 'a little': 1, 'more than is read ahead': 40 } as const
const SEGMENT = Buffer.alloc(16 * 1024, 'GET /files/none HTTP/1.1\r\n\r\n')

for (const path of PATHS) {
  describe(`server.kernelCopy: ${path}`, () => {
    suite(path)
  })
}

/** The last answer of a connection reaches a client that reads it late, whatever the client still sends. */
function suite(path: Path): void {
  const it = onPath(path)
  let gateway: TestGateway
  let origin: RawServer
  let links = 0

  beforeAll(async () => {
    origin = await RawServer.start((head, socket) => {
      const body = BODIES.get(/^GET \/(\S+)/.exec(head)?.[1] ?? '') ?? Buffer.alloc(0)
      socket.write(`HTTP/1.1 200 OK\r\nETag: "o"\r\nContent-Length: ${body.length}\r\n\r\n`)
      socket.write(body)
    })
    gateway = await startTestGateway({
      files: Object.fromEntries(BODIES),
      config: {
        server: { kernelCopy: path },
        origins: { raw: { type: 'http', url: origin.url } },
      },
      routes: [
        { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
        { path: '/raw/', origin: 'raw', schemes: ['sluice-hmac'] },
      ],
    })
  })
  afterEach(() => expectFreed(gateway, 5000))
  afterAll(async () => {
    await gateway.close()
    await origin.stop()
  })

  /** Asks on a connection of its own and reads nothing until the gateway has handed all of it over. */
  async function readLate(
    target: string,
    version: string,
    segments: number,
    connection = 'close',
  ): Promise<Buffer> {
    const socket = connect({ port: gateway.port, host: gateway.host, noDelay: true })
    const errors: Error[] = []
    socket.on('error', (error) => errors.push(error))
    socket.write(`GET ${target} HTTP/${version}\r\nHost: x\r\nConnection: ${connection}\r\n\r\n`)
    await once(socket, 'readable')
    for (let sent = 0; sent < segments; sent++) socket.write(SEGMENT)
    await expectFreed(gateway, 5000)
    const received = await readAll(socket)
    expect(errors.map(({ message }) => message).filter((text) => !text.includes('EPIPE'))).toEqual(
      [],
    )
    return received.subarray(received.indexOf('\r\n\r\n') + 4)
  }

  describe.each(['/files/', '/raw/'])('from %s', (route) => {
    for (const size of SIZES) {
      for (const version of ['1.1', '1.0'] as const) {
        for (const [what, segments] of Object.entries(BEHIND)) {
          it(`${size} bytes by HTTP/${version}, ${what} sent behind`, async () => {
            const target = gateway.sign(`${route}${size}.bin`, { jti: `last-${++links}` })
            const body = await readLate(target, version, segments)
            expect(body.length).toBe(size)
            expect(digest(body)).toBe(digest(BODIES.get(`${size}.bin`) as Buffer))
            await eventually('its record', async () => {
              const record = (await gateway.records(1)).find(
                (one) => one.link_id === `last-${links}`,
              )
              return record?.ended_by === 'complete' && record.bytes === size
            })
          })
        }
      }
    }
  })

  describe('of what is refused, and sent on', () => {
    const MORE = Buffer.alloc(1024 * 1024, 'x')

    test.each([
      ['a head without end', 'GET /files/a HTTP/1.1\r\nX: ', 431],
      ['what is no request', '\0\r\n\r\n', 400],
      [
        'a body',
        `POST /files/a HTTP/1.1\r\nHost: x\r\nContent-Length: ${MORE.length}\r\n\r\n`,
        405,
      ],
    ])('%s', async (_, begin, status) => {
      const socket = connect({ port: gateway.port, host: gateway.host, noDelay: true })
      const errors: Error[] = []
      socket.on('error', (error) => errors.push(error))
      socket.write(begin)
      socket.write(MORE)
      const text = (await readAll(socket)).toString('latin1')
      expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*"request_id":"[^"]+"}$`))
      expect(errors).toEqual([])
    })
  })
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  if (!socket.destroyed) await once(socket, 'close')
  return Buffer.concat(chunks)
}
