// The full policy as a Node programmer writes it beside jwt.verify: Node's own BlockList, and a Map that counts.
import { readFileSync } from 'node:fs'
import { BlockList } from 'node:net'
import { env } from 'node:process'

const parallel = Number(env.BENCH_PARALLEL)
const running = new Map()
const blocked = new BlockList()

if (env.BENCH_BLOCKLIST) {
  for (const line of readFileSync(env.BENCH_BLOCKLIST, 'utf8').trim().split('\n')) {
    const [address, prefix] = line.split('/')
    if (prefix === undefined) blocked.addAddress(address)
    else blocked.addSubnet(address, Number(prefix))
  }
}

/** Whether a verified token may be used from here and now; if so, it is counted until `response` closes. */
export function admits(claims, token, address, response) {
  if (!env.BENCH_BLOCKLIST) return true
  if (claims.ip !== address || blocked.check(address)) return false
  const count = running.get(token) ?? 0
  if (count >= parallel) return false
  running.set(token, count + 1)
  response.once('close', () => {
    const left = running.get(token) - 1
    if (left === 0) running.delete(token)
    else running.set(token, left)
  })
  return true
}
