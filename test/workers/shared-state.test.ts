import { expect } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { openDownload, send } from '../support/http-client.ts'
import { eachOf } from '../support/node-processes.ts'
import { needs } from '../support/programs.ts'
import { redisForTest } from '../support/redis.ts'
import { workersForTest } from '../support/worker-processes.ts'

needs('redis-server', 'redis-cli')(
  'with a Valkey each worker is a node of the shared state',
  async () => {
    const redis = await redisForTest()
    const gateway = await workersForTest(2, {
      config: { state: { driver: 'valkey', url: redis.url } },
    })
    // a state that is new holds admissions until every node had time to say what it has
    const isAdmitted = async (): Promise<boolean> => {
      const fresh = gateway.link('/files/small.txt', { max_parallel_downloads: 1 })
      return (await send(gateway, fresh)).status === 200
    }
    await eventually('admitted', isAdmitted)
    const nodes = await gateway.admin('/v1/stats')
    expect(((await nodes.json()) as { nodes: unknown[] }).nodes).toHaveLength(3)
    const link = gateway.link('/slow/one.bin', { max_parallel_downloads: 1 })
    const answers = await eachOf(
      Array.from({ length: 20 }, (_, i) => i),
      (i) => openDownload(gateway, link, { localAddress: `127.0.5.${i + 1}`, patienceMs: 30_000 }),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const { downloads } = (await (await gateway.admin('/v1/downloads')).json()) as {
      downloads: object[]
    }
    expect(downloads).toHaveLength(1)
    for (const answer of answers) answer.kill()
    expect(gateway.origin.pathsOver(1)).toEqual([])
  },
  120_000,
)
