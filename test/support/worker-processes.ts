import { readFileSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { eventually } from './eventually.ts'
import { type Life, RestartableGateway } from './restartable-gateway.ts'
import { SlowOrigin } from './slow-origin.ts'

/** A gateway of several processes; `/files/` is its own, `/slow/` an origin that holds its bodies. */
export interface WorkerProcesses extends Life {
  readonly home: RestartableGateway
  readonly origin: SlowOrigin
  /** A fresh link. */
  link(path: string, parameters?: Readonly<Record<string, string | number>>): string
  /** The ids of the processes that serve now. */
  pids(): number[]
  /** Kills one worker and waits until another has its place; gives the new ids. */
  killOne(pid: number): Promise<number[]>
  records(isComplete: (records: readonly AccessRecord[]) => boolean): Promise<AccessRecord[]>
}

export interface WorkerProcessesOptions {
  readonly files?: Readonly<Record<string, Buffer>>
  readonly policies?: object
  /** Of the published APIs. */
  readonly clients?: readonly object[]
  /** More sections of the configuration. */
  readonly config?: object
}

export async function workersForTest(
  count: number,
  { files = {}, policies = {}, clients, config = {} }: WorkerProcessesOptions = {},
): Promise<WorkerProcesses> {
  const origin = await SlowOrigin.start()
  onTestFinished(() => origin.stop())
  const home = new RestartableGateway(
    { 'small.txt': Buffer.from('small'), ...files },
    {
      server: { port: 0, drainSeconds: 10 },
      origins: {
        library: { type: 'file', root: '../library' },
        slow: { type: 'http', url: origin.url },
      },
      routes: ['files', 'slow'].map((name) => ({
        path: `/${name}/`,
        origin: name === 'slow' ? name : 'library',
        schemes: ['sluice-hmac'],
      })),
      ...config,
    },
    policies,
  )
  onTestFinished(() => home.remove())
  if (clients) home.write('keys/clients.json', JSON.stringify(clients))
  const life = await home.start('--workers', String(count))
  let links = 0
  const pids = (): number[] => childrenOf(life.child.pid ?? 0)
  return {
    ...life,
    home,
    origin,
    link: (path, parameters) => home.sign(path, { jti: `link-${++links}`, ...parameters }),
    pids,
    async killOne(pid) {
      const before = pids()
      process.kill(pid, 'SIGKILL')
      await eventually('a replacement serves', async () => {
        const metrics = await (await life.admin('/metrics')).text()
        const isServing = metrics.includes(`\nsluice_workers ${count}\n`)
        return isServing && pids().some((id) => !before.includes(id))
      })
      return pids()
    },
    async records(isComplete) {
      let records: AccessRecord[] = []
      await eventually('all records', () => {
        records = readRecords(home)
        return isComplete(records)
      })
      return records
    },
  }
}

function readRecords(home: RestartableGateway): AccessRecord[] {
  return home
    .read('access.jsonl')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AccessRecord)
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}
