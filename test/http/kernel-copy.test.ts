import { randomBytes } from 'node:crypto'
import { readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { connect, Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, vi } from 'vitest'
import { KernelCopier } from '../../src/kernel-copy/kernel-copier.ts'
import { eventually } from '../support/eventually.ts'
import { downloadsOf, expectFreed } from '../support/figures.ts'
import { type OpenDownload, openDownload, send } from '../support/http-client.ts'
import { copier, onPath, type Path, PATHS } from '../support/kernel-copy.ts'
import { RawServer } from '../support/raw-server.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const MIB = 1024 * 1024
const BODY = randomBytes(9 * MIB + 12_345)
/** More than the buffers of two loopback connections hold. */
const HUGE = Buffer.alloc(64 * MIB, 'sixteen bytes ..')
const TIMEOUT_SECONDS = 0.5

for (const path of PATHS) {
  describe(`server.kernelCopy: ${path}`, () => {
    suite(path)
  })
}

function suite(path: Path): void {
  const it = onPath(path)
  let gateway: TestGateway
  let origin: RawServer
  let answer: (head: string, socket: Socket) => void

  beforeAll(async () => {
    origin = await RawServer.start((head, socket) => {
      socket.setNoDelay(true)
      answer(head, socket)
    })
    gateway = await startTestGateway({
      files: { 'body.bin': BODY, 'huge.bin': HUGE },
      config: {
        server: { kernelCopy: path },
        origins: { raw: { type: 'http', url: origin.url, timeoutSeconds: TIMEOUT_SECONDS } },
      },
      routes: [
        { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
        { path: '/raw/', origin: 'raw', schemes: ['sluice-hmac'] },
      ],
    })
  })
  afterEach(async () => {
    await expectFreed(gateway, 5000)
    expect(KernelCopier.load()?.open ?? 0).toBe(0)
    vi.restoreAllMocks()
  })
  afterAll(async () => {
    await gateway.close()
    await origin.stop()
  })

  const serve = (head: string, socket: Socket): void => {
    const body = head.includes('huge.bin') ? HUGE : BODY
    const [, first, last] = /\r\nrange: bytes=(\d+)-(\d*)\r\n/i.exec(head) ?? []
    const start = Number(first ?? 0)
    const end = last ? Number(last) + 1 : body.length
    socket.write(
      first === undefined
        ? `HTTP/1.1 200 OK\r\nETag: "o"\r\nContent-Length: ${body.length}\r\n\r\n`
        : `HTTP/1.1 206 Part\r\nETag: "o"\r\nContent-Range: bytes ${start}-${end - 1}/${body.length}\r\nContent-Length: ${end - start}\r\n\r\n`,
    )
    if (!head.startsWith('HEAD ')) socket.write(body.subarray(start, end))
  }
  /** Sends the head and `early` bytes of the huge body; what follows is the test's. */
  const begin = (early: number, then: (socket: Socket) => void = () => {}): void => {
    answer = (_head, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nETag: "o"\r\nContent-Length: ${HUGE.length}\r\n\r\n`)
      socket.write(HUGE.subarray(0, early), () => {
        then(socket)
      })
    }
  }
  const recordOf = async (open: Pick<OpenDownload, 'headers'>) => {
    const id = open.headers['x-request-id']
    let found
    await eventually('the record is written', async () => {
      found = (await gateway.records(1)).find(({ request_id }) => request_id === id)
      return found !== undefined
    })
    return found
  }
  /** Both at once, until the next check. */
  const copiesRun = async (count = 1): Promise<void> => {
    if (path === 'auto') await eventually(`${count} copies run`, () => copier().open === count)
  }

  describe.each(['/files/', '/raw/'])('bodies from %s', (route) => {
    it('are whole, and the record says so', async () => {
      answer = serve
      const reply = await send(gateway, gateway.sign(`${route}body.bin`))
      expect(reply.isComplete).toBe(true)
      expect(reply.body.equals(BODY)).toBe(true)
      expect(await recordOf(reply)).toMatchObject({
        bytes: BODY.length,
        coverage: 1,
        ended_by: 'complete',
      })
    })

    it('are whole as ranges', async () => {
      answer = serve
      for (const [range, start, end] of [
        ['bytes=1000000-', 1_000_000, BODY.length],
        ['bytes=5-8000000', 5, 8_000_001],
      ] as const) {
        const reply = await send(gateway, gateway.sign(`${route}body.bin`), { headers: { range } })
        expect(reply.status).toBe(206)
        expect(reply.body.equals(BODY.subarray(start, end))).toBe(true)
      }
    })

    it('follow each other on one connection, asked for ahead', async () => {
      answer = serve
      const request = (): string =>
        `GET ${gateway.sign(`${route}body.bin`)} HTTP/1.1\r\nHost: x\r\n\r\n`
      const last = request().replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
      const bytes = await readAll(gateway.port, request() + request() + last)
      let at = 0
      for (let nth = 0; nth < 3; nth++) {
        const head = bytes.indexOf('\r\n\r\n', at) + 4
        expect(bytes.subarray(at, head).toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
        expect(bytes.subarray(head, head + BODY.length).equals(BODY)).toBe(true)
        at = head + BODY.length
      }
      expect(at).toBe(bytes.length)
    })

    it('end when the client goes, at any moment, and leave no descriptor open', async () => {
      answer = serve
      const before = readdirSync('/proc/self/fd').length
      for (let round = 0; round < 20; round++) {
        await Promise.all(
          Array.from({ length: 15 }, async (_, i) => {
            const open = await openDownload(gateway, gateway.sign(`${route}huge.bin`))
            await open.read(1 + ((round * 7919 + i * 104_729) % (3 * MIB)))
            open.kill(i % 2 ? 'reset' : 'close')
          }),
        )
      }
      await expectFreed(gateway, 10_000)
      await eventually(
        'descriptors are given back',
        () => readdirSync('/proc/self/fd').length <= before + 2,
      )
    })

    it('show how far they are while the client stands still, and are cut by the admin', async () => {
      answer = serve
      const open = await openDownload(gateway, gateway.sign(`${route}huge.bin`))
      await open.read(MIB)
      await copiesRun()
      let id = ''
      let bytes = 0
      await eventually('the client is known to have taken its bytes', async () => {
        const [download] = await downloadsOf(gateway)
        ;({ id = '', bytes = 0 } = download ?? {})
        return bytes >= MIB
      })
      expect((await gateway.admin(`/v1/downloads/${id}`, { method: 'DELETE' })).status).toBe(204)
      const reply = await open.rest()
      expect(reply.isComplete).toBe(false)
      expect(HUGE.subarray(0, reply.body.length).equals(reply.body)).toBe(true)
      const record = await recordOf(open)
      expect(record).toMatchObject({ ended_by: 'gateway', reason: 'ended' })
      expect((record as unknown as { bytes: number }).bytes).toBeGreaterThanOrEqual(bytes)
      expect((record as unknown as { bytes: number }).bytes).toBeLessThan(HUGE.length)
    })

    it('are cut when the link is revoked in the middle', async () => {
      answer = serve
      const open = await openDownload(
        gateway,
        gateway.sign(`${route}huge.bin`, { jti: `gone-${route.length}` }),
      )
      await open.read(MIB)
      await copiesRun()
      const body = { link_id: `gone-${route.length}`, end_downloads: true }
      expect((await gateway.admin('/v1/revocations', { method: 'POST', body })).status).toBe(201)
      expect((await open.rest()).isComplete).toBe(false)
    })

    it('use up a link for one use', async () => {
      answer = serve
      const target = gateway.sign(`${route}body.bin`, {
        jti: `one-${route.length}`,
        multi_use: 'false',
      })
      expect((await send(gateway, target)).body.length).toBe(BODY.length)
      expect((await send(gateway, target)).status).toBe(410)
    })

    it('are cut when the reader stands still for the idle time, and not while it reads', async () => {
      // eslint-disable-next-line typescript/unbound-method -- called with its socket below
      const setTimeoutOf = Socket.prototype.setTimeout
      vi.spyOn(Socket.prototype, 'setTimeout').mockImplementation(function (
        this: Socket,
        ms: number,
        listener?: () => void,
      ) {
        return setTimeoutOf.call(this, ms === 60_000 ? 400 : ms, listener)
      })
      answer = serve
      const open = await openDownload(gateway, gateway.sign(`${route}huge.bin`))
      for (let read = 0; read < 40; read++) {
        await open.read(open.received + MIB)
        await delay(40)
      }
      await copiesRun()
      await eventually(
        'the idle reader is cut',
        async () => (await downloadsOf(gateway)).length === 0,
      )
      expect(await recordOf(open)).toMatchObject({ reason: 'reader_idle', ended_by: 'gateway' })
      open.kill()
    })
  })

  it('a file that shrinks in the middle cuts the connection', async () => {
    writeFileSync(join(gateway.root, 'shrinking.bin'), HUGE)
    const open = await openDownload(gateway, gateway.sign('/files/shrinking.bin'))
    await open.read(MIB)
    await copiesRun()
    truncateSync(join(gateway.root, 'shrinking.bin'), 1000)
    expect((await open.rest()).isComplete).toBe(false)
    expect(await recordOf(open)).toMatchObject({ reason: 'origin_read_failed', ended_by: 'origin' })
  })

  for (const how of ['end', 'resetAndDestroy'] as const) {
    it(`an origin that ends in the middle (${how}) cuts the connection`, async () => {
      begin(3 * MIB, (socket) => {
        setTimeout(() => socket[how](), 50)
      })
      const reply = await send(gateway, gateway.sign('/raw/huge.bin'))
      expect(reply.isComplete).toBe(false)
      expect(HUGE.subarray(0, reply.body.length).equals(reply.body)).toBe(true)
      if (how === 'end') expect(reply.body.length).toBe(3 * MIB)
      expect(await recordOf(reply)).toMatchObject({
        reason: 'origin_read_failed',
        ended_by: 'origin',
        bytes: reply.body.length,
      })
    })
  }

  it('an origin that falls silent in the middle cuts the connection after its timeout', async () => {
    begin(3 * MIB)
    const reply = await send(gateway, gateway.sign('/raw/huge.bin'))
    expect(reply.body.length).toBe(3 * MIB)
    expect(reply.isComplete).toBe(false)
    expect(await recordOf(reply)).toMatchObject({ reason: 'origin_timeout', ended_by: 'origin' })
  })

  it('a reader that pauses for longer than the origin may be silent is served on', async () => {
    answer = serve
    const open = await openDownload(gateway, gateway.sign('/raw/huge.bin'))
    await open.read(MIB)
    await copiesRun()
    await delay(TIMEOUT_SECONDS * 3000)
    const reply = await open.rest()
    expect(reply.isComplete).toBe(true)
    expect(reply.body.equals(HUGE)).toBe(true)
  })

  it('an origin that sends in small pieces with pauses is followed to the end', async () => {
    answer = (_head, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nETag: "o"\r\nContent-Length: ${BODY.length}\r\n\r\n`)
      void (async () => {
        for (let at = 0; at < BODY.length; at += 500_000) {
          socket.write(BODY.subarray(at, at + 500_000))
          await delay(20)
        }
      })()
    }
    expect((await send(gateway, gateway.sign('/raw/body.bin'))).body.equals(BODY)).toBe(true)
  })

  it('the connection to the origin is used again behind a body', async () => {
    answer = serve
    const before = origin.connections
    await send(gateway, gateway.sign('/raw/body.bin'))
    const between = origin.connections
    for (let nth = 0; nth < 3; nth++) {
      expect((await send(gateway, gateway.sign('/raw/body.bin'))).body.equals(BODY)).toBe(true)
    }
    expect(origin.connections).toBe(between)
    expect(between).toBeLessThanOrEqual(before + 1)
  })

  it('bytes behind the announced end are not sent, and their connection is not used again', async () => {
    answer = (head, socket) => {
      serve(head, socket)
      socket.write('surplus')
    }
    const reply = await send(gateway, gateway.sign('/raw/body.bin'))
    expect(reply.body.equals(BODY)).toBe(true)
    answer = serve
    expect((await send(gateway, gateway.sign('/raw/body.bin'))).body.equals(BODY)).toBe(true)
  })

  it('a gateway that is told to stop cuts what runs when its time is over', async () => {
    const other = await startTestGateway({
      files: { 'huge.bin': HUGE },
      config: { server: { kernelCopy: path, drainSeconds: 0.2 } },
    })
    const open = await openDownload(other, other.sign('/files/huge.bin'))
    await open.read(MIB)
    await copiesRun()
    await other.close()
    expect((await open.rest()).isComplete).toBe(false)
  })
}

function readAll(port: number, request: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('end', () => {
      resolve(Buffer.concat(chunks))
    })
  })
}
