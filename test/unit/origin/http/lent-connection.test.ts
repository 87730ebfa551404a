import { readSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { LentSource } from '../../../../src/base/byte-sink.ts'
import { HttpOrigin } from '../../../../src/origin/http-origin.ts'
import type { OpenObject } from '../../../../src/origin/origin.ts'
import { CollectingSink, readAll } from '../../../support/collecting-sink.ts'
import { RawServer } from '../../../support/raw-server.ts'

const BODY = Buffer.alloc(1024 * 1024, 'sixteen bytes ..')
const HEAD = `HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: ${BODY.length}\r\n\r\n`
const FORGED = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged'

let server: RawServer
let origin: HttpOrigin

beforeEach(async () => {
  server = await RawServer.start(() => {})
  origin = new HttpOrigin({
    url: server.url,
    headers: {},
    timeoutSeconds: 5,
    followRedirects: false,
  })
})

afterEach(async () => {
  origin.close()
  await server.stop()
})

async function find(name: string): Promise<OpenObject> {
  const found = await origin.open({ name, want: 'body' })
  if (found.state !== 'found') throw new Error('missing')
  return found
}

/** Sends the object until its connection is lent. */
async function borrow(
  object: OpenObject,
): Promise<{ readonly lent: LentSource; readonly sink: CollectingSink }> {
  const sink = new CollectingSink()
  sink.isRefusing = true
  const transfer = object.send(0, BODY.length, sink)
  await sink.written()
  await nextTurn()
  sink.isRefusing = false
  const lent = transfer.lend?.({ moved: 0, isWaitingForSource: false })
  if (!lent) throw new Error('nothing was lent')
  return { lent, sink }
}

/** Reads the lent bytes as the kernel would, past the connection. */
async function readLent({ fd, length }: LentSource): Promise<number> {
  const bytes = Buffer.alloc(length)
  let read = 0
  while (read < length) {
    try {
      read += readSync(fd, bytes, read, length - read, null)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      await nextTurn()
    }
  }
  return read
}

it.each([
  ['is used again behind the body', '', 1],
  ['is not used again when bytes lie behind the body', FORGED, 2],
])('a connection that was lent %s', async (_, surplus, connections) => {
  server.answer = (head, socket) => {
    socket.write(HEAD)
    socket.write(BODY)
    if (head.startsWith('GET /first ')) socket.write(surplus)
  }
  const object = await find('first')
  const { lent, sink } = await borrow(object)
  lent.giveBack(await readLent(lent))
  expect(await sink.done).toBeUndefined()
  object.close()
  // at once: what lies in the socket has not been read by now
  const next = await find('second')
  expect((await readAll(next, 0, BODY.length)).equals(BODY)).toBe(true)
  next.close()
  expect(server.connections).toBe(connections)
})
