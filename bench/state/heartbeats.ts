/**
 * Measures what a heartbeat of one active link costs the state server: docs/scaling.md.
 *
 *   node bench/state/heartbeats.ts
 */
import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { BEAT_ALONE } from '../../src/valkey/scripts/upkeep.lua.ts'
import { startState } from './state-process.ts'

const LINKS = 20_000
const AT_ONCE = 500
const ROUNDS = 5

const counts = [
  { counted: 'connections', connections: 1, max: 16 },
  { counted: 'downloads', connections: 1, max: 2 },
]
const name = (): string => randomBytes(16).toString('base64url')
const calls = Array.from({ length: LINKS }, () => {
  const downloads = [{ download: name(), isExact: true, force: false, counts }]
  return {
    base: `sluice:{${name()}}:`,
    ask: JSON.stringify({ node: name(), ttl: 4500, downloads }),
  }
})

const state = await startState()
const redis = new Redis({ path: state.socket })
try {
  const sha = String(await redis.script('LOAD', BEAT_ALONE.lua))
  for (let round = 0; round < ROUNDS; round++) {
    const before = await figures()
    for (let first = 0; first < LINKS; first += AT_ONCE) {
      const pipeline = redis.pipeline()
      for (const { base, ask } of calls.slice(first, first + AT_ONCE))
        pipeline.evalsha(sha, 1, base, ask)
      const [failure] = (await pipeline.exec())?.[0] ?? []
      if (failure) throw failure
    }
    const after = await figures()
    const [cpu = 0, received = 0, sent = 0] = after.map((value, i) => (value - before[i]!) / LINKS)
    process.stdout.write(
      `${(cpu * 1e6).toFixed(1)} µs of CPU, ${received.toFixed(0)} bytes in, ${sent.toFixed(0)} bytes out\n`,
    )
  }
} finally {
  redis.disconnect()
  state.stop()
}

/** CPU seconds, bytes in and bytes out since the server began. */
async function figures(): Promise<number[]> {
  const text = `${await redis.info('cpu')}\n${await redis.info('stats')}`
  const of = (field: string): number =>
    Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(text)?.[1])
  const cpu = of('used_cpu_user') + of('used_cpu_sys')
  return [cpu, of('total_net_input_bytes'), of('total_net_output_bytes')]
}
