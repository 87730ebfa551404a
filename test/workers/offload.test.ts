import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { send } from '../support/http-client.ts'
import { workersForTest } from '../support/worker-processes.ts'

test('a report of nginx ends the delivery of whichever worker handed it over', async () => {
  const port = await freePort()
  const gateway = await workersForTest(3, {
    policies: { sent: { delivery: { offload: 'x-accel:/internal/' } } },
    config: {
      server: { port: 0, trustedProxies: ['127.0.0.0/8'] },
      offload: { log: { port } },
      routes: [{ path: '/files/', origin: 'library', policy: 'sent', schemes: ['sluice-hmac'] }],
    },
  })
  const socket = createSocket('udp4')
  onTestFinished(() => {
    socket.close()
  })
  const handOver = async (target: string, localAddress: string) => {
    const ticket = randomBytes(16).toString('hex')
    const { status, headers } = await send(gateway, target, {
      localAddress,
      headers: { 'x-sluice-offload': ticket },
    })
    return { ticket, status, path: headers['x-accel-redirect'] }
  }
  const links = Array.from({ length: 24 }, () =>
    gateway.link('/files/small.txt', { max_parallel_downloads: 1 }),
  )
  const from = (address: string) => Promise.all(links.map((link) => handOver(link, address)))
  const handedOver = await from('127.0.0.2')
  expect(handedOver.map(({ path }) => path)).toEqual(links.map(() => '/internal/small.txt'))
  const refused = await from('127.0.0.3')
  expect(refused.map(({ status }) => status)).toEqual(links.map(() => 429))
  for (const { ticket } of handedOver) {
    socket.send(`<190>Nov  1 14:40:34 sluice: ${ticket} 200 5 "OK" "-"`, port, '127.0.0.1')
  }
  await eventually('all places are free', async () => {
    const { leases_held } = (await (await gateway.admin('/v1/stats')).json()) as Stats
    return leases_held === 0
  })
  const records = await gateway.records((all) => all.length === 48)
  const sent = records.filter(({ status }) => status === 200)
  expect(sent.map(({ bytes, coverage }) => [bytes, coverage])).toEqual(links.map(() => [5, 1]))
}, 120_000)

interface Stats {
  readonly leases_held: number
}
