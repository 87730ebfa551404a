import { onTestFinished } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { needs } from '../../support/programs.ts'
import { startCluster } from '../../support/redis-cluster.ts'
import { tableForTest } from '../../support/valkey-table.ts'

const withRedis = needs('redis-server', 'redis-cli')

withRedis(
  'a change reaches other nodes through a Cluster',
  async () => {
    const setup = await startCluster()
    onTestFinished(() => setup.stop())
    const [here, there] = [await tableForTest(setup.url), await tableForTest(setup.url)]
    await here.table.put('a', '1')
    await eventually('put there', () => there.rows.get('a') === '1', 2000)
    await there.table.remove('a')
    await eventually('removed here', () => here.rows.size === 0, 2000)
  },
  40_000,
)
