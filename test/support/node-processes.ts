import { randomBytes } from 'node:crypto'
import { expect, onTestFinished } from 'vitest'
import { expectProblem } from './answer-checks.ts'
import { eventually } from './eventually.ts'
import { type OpenDownload, openDownload, send } from './http-client.ts'
import { redisForTest } from './redis.ts'
import { type Life, RestartableGateway } from './restartable-gateway.ts'
import { SlowOrigin } from './slow-origin.ts'
import { signTarget } from './test-gateway.ts'

/** More at once would measure the machine's queues and not the gateway. */
const WIDTH = 20
/** A node may stand still for half a minute. */
const PATIENCE_MS = 50_000
const COUNTING_WITHIN_MS = 15_000

/** A `sluice serve` process among others, and its own directory. */
export interface NodeProcess extends Life {
  readonly home: RestartableGateway
  /** What it was started with. */
  readonly config: object
}

/** A link that the origin's object of the same path is downloaded by. */
export interface NodeLink {
  /** The path at the origin. */
  readonly object: string
  readonly target: string
}

/** A download that a client holds open by a link. */
export interface HeldDownload extends NodeLink {
  readonly download: OpenDownload
}

/** Two gateway processes with one shared state, one origin and one key; each link is good for one download. */
export interface NodeProcesses {
  readonly nodes: readonly [NodeProcess, NodeProcess]
  readonly origin: SlowOrigin
  /** Links that nobody used. */
  readonly links: (count: number) => NodeLink[]
  /** A link for a file of the nodes themselves, that never waits. */
  readonly fileLink: () => string
}

/** Starts nodes that count already; they end with the test. */
export async function nodeProcessesForTest(): Promise<NodeProcesses> {
  const redis = await redisForTest()
  const origin = await SlowOrigin.start()
  onTestFinished(() => origin.stop())
  const secret = randomBytes(32)
  const config = configOf(redis.url, origin.url)
  const nodes = await Promise.all([startNode(config, secret), startNode(config, secret)])
  let made = 0
  const sign = (path: string): string => signTarget(secret, path, { jti: `link-${made++}` })
  const fileLink = (): string => sign('/files/small.txt')
  // a state that is new holds admissions until every node had time to say what it has
  for (const node of nodes) {
    const isAdmitted = async (): Promise<boolean> => (await send(node, fileLink())).status === 200
    await eventually('admitted', isAdmitted, COUNTING_WITHIN_MS)
  }
  return {
    nodes,
    origin,
    links: (count) =>
      Array.from({ length: count }, () => {
        const name = `${made}.bin`
        return { object: `/${name}`, target: sign(`/slow/${name}`) }
      }),
    fileLink,
  }
}

async function startNode(config: object, secret: Buffer): Promise<NodeProcess> {
  const files = { 'small.txt': Buffer.from('small') }
  const home = new RestartableGateway(
    files,
    config,
    { one: { parallel: { maxDownloads: 1 } } },
    secret,
  )
  onTestFinished(() => home.remove())
  return { ...(await home.start()), home, config }
}

/** Begins a download by each link and stops at the heads of the answers. */
export function hold(
  node: NodeProcess,
  links: readonly NodeLink[],
  localAddress: string,
): Promise<HeldDownload[]> {
  return eachOf(links, async (link) => {
    const options = { localAddress, patienceMs: PATIENCE_MS }
    const download = await openDownload(node, link.target, options)
    expect(download.status).toBe(200)
    return { ...link, download }
  })
}

/** Nobody else gets in by these links. */
export async function expectTaken(
  node: NodeProcess,
  links: readonly NodeLink[],
  localAddress: string,
): Promise<void> {
  await eachOf(links, async ({ target }) => {
    expectProblem(await send(node, target, { localAddress }), 429, 'too_many_downloads')
  })
}

/** Every download comes to its end, with all bytes. */
export async function expectWhole(
  origin: SlowOrigin,
  downloads: readonly HeldDownload[],
): Promise<void> {
  const wrong = await eachOf(downloads, async ({ object, download }) => {
    const { isComplete, body } = await download.rest()
    return isComplete && body.equals(origin.contentOf(object)) ? [] : [object]
  })
  expect(wrong.flat()).toEqual([])
}

/** Asks by each link again and again until all are let in, and holds what they get. */
export async function holdWhenFree(
  node: NodeProcess,
  links: readonly NodeLink[],
  localAddress: string,
  withinMs: number,
): Promise<HeldDownload[]> {
  const held: HeldDownload[] = []
  let waiting = links
  await eventually(
    `${links.length} links free`,
    async () => {
      const refused = await eachOf(waiting, async (link) => {
        const options = { localAddress, patienceMs: PATIENCE_MS }
        const download = await openDownload(node, link.target, options)
        if (download.status === 200) {
          held.push({ ...link, download })
          return []
        }
        expectProblem(await download.rest(), 429, 'too_many_downloads')
        return [link]
      })
      waiting = refused.flat()
      return waiting.length === 0
    },
    withinMs,
  )
  return held
}

/** Does the work for all, a few at a time. */
export async function eachOf<T, R>(list: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const rest = list.entries()
  const worker = async (): Promise<void> => {
    for (const [i, one] of rest) results[i] = await work(one)
  }
  await Promise.all(Array.from({ length: WIDTH }, worker))
  return results
}

function configOf(stateUrl: string, originUrl: string): object {
  return {
    server: { port: 0, drainSeconds: 60 },
    admin: { port: 0 },
    origins: {
      library: { type: 'file', root: '../library' },
      slow: { type: 'http', url: originUrl },
    },
    routes: ['files', 'slow'].map((name) => ({
      path: `/${name}/`,
      origin: name === 'slow' ? name : 'library',
      policy: 'one',
      schemes: ['sluice-hmac'],
    })),
    state: { driver: 'valkey', url: stateUrl },
    records: { access: '../access.jsonl', audit: '../audit.jsonl' },
  }
}
