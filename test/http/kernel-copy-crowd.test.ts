import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect } from 'vitest'
import { KernelCopier } from '../../src/kernel-copy/kernel-copier.ts'
import { eventually } from '../support/eventually.ts'
import { expectFreed, figuresOf } from '../support/figures.ts'
import { onPath } from '../support/kernel-copy.ts'
import { RawServer } from '../support/raw-server.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const ABORTS = 2000
const AT_ONCE = 50
const HELD = 2000
const BODY = Buffer.alloc(16 * 1024 * 1024, 'x')

const it = onPath('auto')
let gateway: TestGateway
let origin: RawServer
/** Half of the answers of the origin end too early. */
let breaks = false
let links = 0

beforeAll(async () => {
  origin = await RawServer.start((_head, socket, nth) => {
    socket.write(`HTTP/1.1 200 OK\r\nETag: "o"\r\nContent-Length: ${BODY.length}\r\n\r\n`)
    if (breaks && nth % 2 === 0) {
      const part = BODY.subarray(0, (nth * 7919) % BODY.length)
      socket.write(part, () => {
        if (nth % 4 === 0) socket.end()
        else socket.resetAndDestroy()
      })
    } else socket.write(BODY)
  })
  gateway = await startTestGateway({
    files: { 'a.bin': BODY },
    config: { origins: { raw: { type: 'http', url: origin.url } } },
    routes: [
      { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
      { path: '/raw/', origin: 'raw', schemes: ['sluice-hmac'] },
    ],
  })
})

afterAll(async () => {
  await gateway.close()
  await origin.stop()
})

/** A client that has read the head and perhaps more, and reads no further. */
async function hold(path: string): Promise<Socket> {
  const socket = connect({ port: gateway.port, host: gateway.host })
  socket.on('error', () => {})
  socket.write(`GET ${gateway.sign(path, { jti: `crowd-${++links}` })} HTTP/1.1\r\nHost: x\r\n\r\n`)
  await Promise.race([once(socket, 'readable'), once(socket, 'close')])
  return socket
}

function end(socket: Socket, nth: number): void {
  if (nth % 2 === 0) socket.destroy()
  else socket.resetAndDestroy()
}

it(`${ABORTS} clients and half of their origins that go at any moment leave nothing behind`, async () => {
  breaks = true
  const before = readdirSync('/proc/self/fd').length
  for (let done = 0; done < ABORTS; done += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, i) => {
        const socket = await hold(i % 3 === 0 ? '/files/a.bin' : '/raw/a.bin')
        const wanted = ((done + i) * 104_729) % (3 * 1024 * 1024)
        let received = 0
        socket.on('data', (chunk: Buffer) => {
          received += chunk.length
          if (received >= wanted) end(socket, i)
        })
        if (!socket.destroyed) await once(socket, 'close')
      }),
    )
  }
  breaks = false
  await expectFreed(gateway, 10_000)
  expect(KernelCopier.load()?.open).toBe(0)
  await origin.quiet()
  await eventually(
    'descriptors are given back, but for spare pipes',
    () => readdirSync('/proc/self/fd').length <= before + 2 * 32 + 4,
  )
}, 120_000)

it(`${HELD} clients that stand still are held, by the kernel as far as descriptors go`, async () => {
  const sockets: Socket[] = []
  for (let opened = 0; opened < HELD; opened += AT_ONCE) {
    sockets.push(
      ...(await Promise.all(
        Array.from({ length: AT_ONCE }, (_, i) => hold(i % 2 ? '/files/a.bin' : '/raw/a.bin')),
      )),
    )
  }
  expect(await figuresOf(gateway)).toMatchObject({ leases: HELD })
  await eventually('the kernel holds some', () => (KernelCopier.load()?.open ?? 0) > HELD / 10)
  sockets.forEach(end)
  await expectFreed(gateway, 30_000)
  expect(KernelCopier.load()?.open).toBe(0)
}, 120_000)
