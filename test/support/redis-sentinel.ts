import { poll } from './child.ts'
import { type RedisOptions, type RedisProcess, startRedis } from './redis.ts'

/** A master with a replica, and the Sentinels that make the replica the master when that is gone. */
export interface SentinelSetup {
  readonly url: string
  readonly master: RedisProcess
  readonly replica: RedisProcess
  readonly sentinels: readonly RedisProcess[]
  stop(): Promise<void>
}

const NAME = 'mymaster'

export async function startSentinel(
  options: RedisOptions & { readonly sentinels?: number } = {},
): Promise<SentinelSetup> {
  const { sentinels: count = 1, ...server } = options
  const running: RedisProcess[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((redis) => redis.stop()))
  }
  const start = async (terms: RedisOptions): Promise<RedisProcess> => {
    const redis = await startRedis(terms)
    running.push(redis)
    return redis
  }
  try {
    const master = await start(server)
    const replica = await start({ ...server, replicaOf: master })
    const config = sentinelLines(master.port, Math.floor(count / 2) + 1, server.password)
    const sentinels: RedisProcess[] = []
    while (sentinels.length < count) sentinels.push(await start({ isSentinel: true, config }))
    await Promise.all(sentinels.map((sentinel) => knowsAll(sentinel, replica.port, count)))
    const login = server.password === undefined ? '' : `:${encodeURIComponent(server.password)}@`
    const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')
    return { url: `redis+sentinel://${login}${hosts}/${NAME}`, master, replica, sentinels, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function sentinelLines(
  port: number,
  quorum: number,
  password: string | undefined,
): readonly string[] {
  return [
    `sentinel monitor ${NAME} 127.0.0.1 ${port} ${quorum}`,
    `sentinel down-after-milliseconds ${NAME} 500`,
    `sentinel failover-timeout ${NAME} 2000`,
    ...(password === undefined ? [] : [`sentinel auth-pass ${NAME} ${password}`]),
  ]
}

async function knowsAll(sentinel: RedisProcess, replica: number, count: number): Promise<void> {
  await poll(async () => {
    const replicas = await sentinel.cli('SENTINEL', 'REPLICAS', NAME)
    const master = await sentinel.cli('SENTINEL', 'MASTER', NAME)
    const others = /num-other-sentinels\n(\d+)/.exec(master)?.[1]
    return replicas.includes(String(replica)) && Number(others) === count - 1 ? true : undefined
  })
}
