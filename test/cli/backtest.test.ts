import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { logLine } from '../support/access-log-lines.ts'
import { cliFolder } from '../support/cli-folder.ts'
import { send } from '../support/http-client.ts'
import { sluice } from '../support/sluice.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

interface Result {
  readonly judged: number
  readonly refused: readonly {
    reason: string
    requests: number
    new: number
    top: readonly { link_id: string; evidence: string }[]
  }[]
  readonly let_in: readonly object[]
  readonly stands: readonly object[]
}

const SHARING = { heuristics: { minSignals: null } }
const LIMITED = {
  antiFraud: { default: true, lists: ['pirates'], sharing: { ...SHARING, maxNetworks: 2 } },
}

async function gatewayWith(policy: object): Promise<TestGateway> {
  return startTestGateway({
    files: { 'a.bin': 'object', 'pirates.netset': '46.4.0.0/16\n' },
    policies: { default: policy },
    config: {
      server: { trustedProxies: ['127.0.0.1'] },
      lists: { pirates: { file: '../library/pirates.netset' } },
    },
  })
}

const download = async (gateway: TestGateway, target: string, client: string): Promise<number> =>
  (await send(gateway, target, { headers: { 'x-forwarded-for': client } })).status

async function replay(gateway: TestGateway, policy: object): Promise<Result> {
  const file = join(gateway.directory, 'other.yaml')
  writeFileSync(file, JSON.stringify(policy))
  const config = join(gateway.directory, 'config/gateway.yaml')
  const log = join(gateway.directory, 'access.jsonl')
  const args = ['backtest', '--config', config, '--policy', file, '--log', log, '--json']
  const { status, stdout, stderr } = await sluice(args)
  expect([status, stderr]).toEqual([0, ''])
  return JSON.parse(stdout) as Result
}

describe('sluice backtest on the log of a gateway', () => {
  const CLIENTS = ['5.9.0.1', '5.9.1.1', '5.9.2.1', '46.4.0.9']

  test('names exactly who a stricter policy would have refused', async () => {
    const gateway = await gatewayWith({})
    try {
      const shared = gateway.sign('/files/a.bin', { jti: 'shared' })
      for (const client of CLIENTS) expect(await download(gateway, shared, client)).toBe(200)
      const own = gateway.sign('/files/a.bin', { jti: 'own' })
      for (const client of ['5.9.0.1', '5.9.0.1']) await download(gateway, own, client)
      await download(gateway, '/files/a.bin', '5.9.0.1')
      await gateway.records(7)
      const { judged, refused } = await replay(gateway, LIMITED)
      expect(judged).toBe(6)
      expect(refused).toMatchObject([
        { reason: 'link_shared', requests: 1, new: 1, top: [{ link_id: 'shared' }] },
        { reason: 'network_blocked', requests: 1, new: 1, top: [{ link_id: 'shared' }] },
      ])
      expect(refused[0]?.top[0]?.evidence).toContain('5.9.2.0/24')
      expect(refused[1]?.top[0]?.evidence).toBe('46.4.0.9 is on pirates')
    } finally {
      await gateway.close()
    }
  })

  test('refuses the same requests under the policy that made it, and lets them in without', async () => {
    const policy = { ...LIMITED, uses: { max: 2 } }
    const gateway = await gatewayWith(policy)
    try {
      const links = ['one', 'two', 'three'].map((jti) => gateway.sign('/files/a.bin', { jti }))
      let denied = 0
      for (const link of links) {
        for (const client of [...CLIENTS, ...CLIENTS]) {
          if ((await download(gateway, link, client)) >= 400) denied++
        }
      }
      const records = await gateway.records(links.length * 8)
      const reasons = new Map<string, number>()
      for (const { reason } of records) {
        if (reason !== null) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
      }
      expect(denied).toBeGreaterThan(6)
      const same = await replay(gateway, policy)
      expect(new Map(same.refused.map(({ reason, requests }) => [reason, requests]))).toEqual(
        reasons,
      )
      expect([same.refused.map((row) => row.new), same.let_in]).toEqual([
        same.refused.map(() => 0),
        [],
      ])
      const open = await replay(gateway, {})
      expect(open.refused).toEqual([])
      const letIn = open.let_in as readonly { requests: number }[]
      expect(letIn.reduce((sum, { requests }) => sum + requests, 0)).toBe(denied)
    } finally {
      await gateway.close()
    }
  })
})

describe('sluice backtest', () => {
  const args = ['backtest', '--policy', 'strict.yaml', '--log']

  test('prints a table of a packed log and of standard input', async () => {
    const folder = cliFolder()
    folder.write('strict.yaml', { countries: { block: ['US'] } })
    const log = `${logLine({ country: 'US' })}\nbroken\n`
    writeFileSync(join(folder.directory, 'access.jsonl.gz'), gzipSync(log))
    const { status, stdout } = await folder.run([...args, 'access.jsonl.gz'])
    expect(status).toBe(0)
    expect(stdout).toContain('1 records, 1 judged under strict from 2027-01-15T08:00:00.000Z')
    expect(stdout).toContain('  access.jsonl.gz:2: is not JSON')
    expect(stdout).toMatch(/would be refused\n +reason +requests .*\n +country_not_allowed +1 /)
    expect(stdout).toContain('  link-1  1  US is blocked')
  })

  test.each([
    ['a policy with problems', 'nobody: 1\n', 'access.jsonl', 'strict.yaml:1:1: nobody: '],
    [
      'a policy of a list that is not there',
      'networks: { block: [nets] }\n',
      'access.jsonl',
      'there is no list nets',
    ],
    ['a log that is not there', '{}\n', 'none.jsonl', '--log: none.jsonl: ENOENT'],
    ['a log that is no gzip', '{}\n', 'bad.gz', '--log: bad.gz: incorrect header check'],
    ['a log without any record', '{}\n', 'bad.gz.txt', 'bad.gz.txt:1: is not JSON'],
  ])('ends with exit 2 for %s', async (_, policy, log, message) => {
    const folder = cliFolder()
    folder.write('strict.yaml', policy)
    folder.write('access.jsonl', `${logLine()}\n`)
    folder.write('bad.gz', 'text\n')
    folder.write('bad.gz.txt', 'text\n')
    const { status, stderr } = await folder.run([...args, log])
    expect(stderr).toContain(message)
    expect(status).toBe(2)
  })
})
