/**
 * node slow-readers.ts PORT FILE: one connection for each target of FILE, which reads 64 KiB and then
 * nothing more. Prints `held N` when all of them stand still, and goes after a minute at the latest.
 */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

const READ_BYTES = 64 * 1024
const OPENING_AT_ONCE = 100
const LIFETIME_MS = 60_000

const [port, file] = process.argv.slice(2)
const targets = readFileSync(file ?? '', 'utf8')
  .trimEnd()
  .split('\n')
let next = 0
let held = 0

setTimeout(() => process.exit(0), LIFETIME_MS)
for (let i = 0; i < OPENING_AT_ONCE; i++) openNext()

function openNext(): void {
  const target = targets[next++]
  if (target === undefined) return
  const socket = connect(Number(port), '127.0.0.1')
  let bytes = 0
  socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
  socket.on('data', (chunk) => {
    if (bytes === 0 && !chunk.toString('latin1', 0, 12).startsWith('HTTP/1.1 200')) {
      fail(chunk.toString('latin1', 0, 40))
    }
    bytes += chunk.length
    if (bytes < READ_BYTES) return
    socket.pause()
    socket.removeAllListeners('data')
    if (++held === targets.length) process.stdout.write(`held ${held}\n`)
    openNext()
  })
  socket.once('error', (error) => {
    fail(error.message)
  })
  socket.once('close', () => {
    fail('a connection was closed')
  })
}

function fail(why: string): never {
  process.stderr.write(`${why}\n`)
  process.exit(1)
}
