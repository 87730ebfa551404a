import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, onTestFinished } from 'vitest'
import type { KernelCopy, WindowOutcome } from '../../../src/kernel-copy/kernel-copier.ts'
import { eventually } from '../../support/eventually.ts'
import { copier, onPath } from '../../support/kernel-copy.ts'

const MIB = 1024 * 1024
const ROUNDS = 3000
const it = onPath('auto')

/** A file of `bytes`, and both ends of a connection that nobody reads yet. */
async function stage(bytes: Buffer) {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-copy-'))
  const file = join(directory, 'file')
  writeFileSync(file, bytes)
  const fd = openSync(file, 'r')
  const server = createServer({ pauseOnConnect: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [far] = (await accepted) as [Socket]
  if (near.connecting) await once(near, 'connect')
  for (const socket of [near, far]) socket.on('error', () => {})
  onTestFinished(() => {
    near.destroy()
    far.destroy()
    server.close()
    closeSync(fd)
    rmSync(directory, { recursive: true })
  })
  const source = { fd, isSocket: false, offset: 0, length: bytes.length, giveBack: () => {} }
  return { source, near, far }
}

function windowOf(
  copy: KernelCopy,
  offset: number,
  length: number,
): Promise<readonly [outcome: WindowOutcome, moved: number]> {
  return new Promise((resolve) => {
    copy.copy(offset, length, (outcome, moved) => {
      resolve([outcome, moved])
    })
  })
}

function begin(...ends: Parameters<ReturnType<typeof copier>['begin']>): KernelCopy {
  const copy = copier().begin(...ends)
  if (!copy) throw new Error('no copy to be had')
  return copy
}

it('windows of a file arrive in their order, and the socket is usable behind them', async () => {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251))
  const { source, near, far } = await stage(bytes)
  const copy = begin(source, near)
  const chunks: Buffer[] = []
  far.on('data', (chunk: Buffer) => chunks.push(chunk))
  far.resume()
  expect(await windowOf(copy, 0, 100_000)).toEqual(['done', 100_000])
  expect(await windowOf(copy, 100_000, 200_000)).toEqual(['done', 200_000])
  expect(copy.close()).toBe(0)
  near.end('behind')
  await once(far, 'end')
  expect(Buffer.concat(chunks).equals(Buffer.concat([bytes, Buffer.from('behind')]))).toBe(true)
})

it('a file that ends too early says so with what was moved', async () => {
  const { source, near, far } = await stage(Buffer.alloc(1000))
  far.resume()
  const copy = begin(source, near)
  expect(await windowOf(copy, 0, 5000)).toEqual(['source-failed', 1000])
  copy.close()
})

it('a target that is gone says so', async () => {
  const { source, near, far } = await stage(Buffer.alloc(32 * MIB))
  const copy = begin(source, near)
  const ended = windowOf(copy, 0, 32 * MIB)
  await eventually('bytes are on their way', () => copy.moved > 0)
  far.resetAndDestroy()
  expect((await ended)[0]).toBe('target-failed')
  copy.close()
})

it('closing tells how much a stalled window has moved, and the reader gets exactly that', async () => {
  const { source, near, far } = await stage(Buffer.alloc(32 * MIB, 'abc'))
  const copy = begin(source, near)
  copy.copy(0, 32 * MIB, () => {
    throw new Error('a closed copy calls back')
  })
  let before = 0
  await eventually('the socket is full', async () => {
    const last = before
    before = copy.moved
    await nextTurn()
    return before > 0 && last === before
  })
  const moved = copy.close()
  expect(moved).toBeGreaterThan(0)
  let received = 0
  far.on('data', (chunk: Buffer) => (received += chunk.length))
  far.resume()
  near.end()
  await once(far, 'end')
  expect(received).toBe(moved)
})

it(`${ROUNDS} copies that are closed at any moment leave no descriptor and crash nothing`, async () => {
  const { source, near, far } = await stage(Buffer.alloc(4 * MIB))
  far.resume()
  const before = readdirSync('/proc/self/fd').length
  for (let round = 0; round < ROUNDS; round++) {
    const copy = begin(source, near)
    if (round % 4 > 0) copy.copy(0, 1 + ((round * 7919) % MIB), () => {})
    if (round % 4 > 1) await nextTurn()
    copy.close()
  }
  expect(copier().open).toBe(0)
  await eventually('all are given back', () => readdirSync('/proc/self/fd').length <= before)
})

/** Copies this very program to a reader that takes all, and ends itself in the middle. */
const ENDS_WHILE_COPYING = `
  import { openSync } from 'node:fs'
  import { connect, createServer } from 'node:net'
  const { KernelCopier } = await import(process.argv[1])
  const server = createServer((far) => far.resume()).listen(0, '127.0.0.1', () => {
    const near = connect(server.address().port, '127.0.0.1', () => {
      const fd = openSync(process.execPath, 'r')
      const copy = KernelCopier.load().begin({ fd, isSocket: false }, near)
      const go = () => copy.copy(0, 50e6, go)
      go()
      setTimeout(() => process.argv[2] === 'exit' ? process.exit(7) : near.emit('error', new Error('thrown')), 50)
    })
  })`

for (const [how, status] of [
  ['exit', 7],
  ['throw', 1],
] as const) {
  it(`a process that ends while a copy runs ends as it was told (${how})`, () => {
    const module = new URL('../../../src/kernel-copy/kernel-copier.ts', import.meta.url).href
    const args = ['--input-type=module', '-e', ENDS_WHILE_COPYING, module, how]
    for (let round = 0; round < 3; round++) {
      const ended = spawnSync(process.execPath, args, { encoding: 'utf8' })
      expect([ended.status, ended.signal], ended.stderr).toEqual([status, null])
    }
  })
}

it('a socket that is closed meanwhile is not copied to', async () => {
  const { source, near } = await stage(Buffer.alloc(1000))
  near.destroy()
  expect(copier().begin(source, near)).toBeUndefined()
})
