import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { expectFreed, gaugeOf } from '../support/figures.ts'
import { GatedOrigin } from '../support/gated-origin.ts'
import { openFilesBelow } from '../support/open-files.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const MAX_DOWNLOADS = 2
const LINKS = 3
const CLIENTS = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5']
const OBJECTS = ['gated/held.bin', 'files/small.bin', 'files/large.bin', 'gated/missing.bin']

let gateway: TestGateway
let origin: GatedOrigin
/** Per link and object. */
let targets: string[][]

beforeAll(async () => {
  origin = await GatedOrigin.start(Buffer.alloc(3000, 'h'))
  gateway = await startTestGateway({
    files: { 'small.bin': Buffer.alloc(2000), 'large.bin': Buffer.alloc(12 * 1024 * 1024) },
    config: { origins: { gated: { type: 'http', url: origin.url } } },
    routes: [
      { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
      { path: '/gated/', origin: 'gated', schemes: ['sluice-hmac'] },
    ],
  })
  targets = Array.from({ length: LINKS }, (_, link) =>
    OBJECTS.map((object) =>
      gateway.sign(`/${object}`, {
        jti: `link-${link}`,
        max_parallel_downloads: MAX_DOWNLOADS,
      }),
    ),
  )
})

afterAll(async () => {
  await gateway.close()
  await origin.stop()
})

/** One client connection: what was asked and how far it came. */
class Client {
  readonly link: number
  readonly object: number
  readonly address: string
  readonly over: Promise<void>
  readonly #request: ClientRequest
  #response: IncomingMessage | undefined
  #isOver = false
  #isKilled = false
  /** The origin holds nothing of it any more. */
  isLetGo = false
  failure: string | undefined

  constructor(link: number, object: number, client: number, range: string | undefined) {
    this.link = link
    this.object = object
    this.address = CLIENTS[client] ?? ''
    this.#request = request({
      host: gateway.host,
      port: gateway.port,
      path: targets[link]?.[object],
      localAddress: this.address,
      agent: false,
      ...(range !== undefined && { headers: { range } }),
    })
    this.#request.on('response', (response) => {
      this.#response = response
      const status = response.statusCode ?? 0
      if (![200, 206, 404, 429].includes(status)) this.failure = `the status ${status}`
      response.on('error', () => {})
    })
    this.#request.on('error', (error) => {
      if (!this.#isKilled) this.failure = error.message
    })
    this.over = new Promise((resolve) => {
      this.#request.once('close', () => {
        this.#isOver = true
        resolve()
      })
    })
    this.#request.end()
  }

  /** The gateway answered with the object, and the origin still holds the rest of it. */
  get isHeld(): boolean {
    const isServed = [200, 206].includes(this.#response?.statusCode ?? 0)
    return isServed && this.object === 0 && !this.#isOver && !this.#isKilled && !this.isLetGo
  }

  abort(isReset: boolean): void {
    this.#isKilled = true
    if (isReset) this.#request.socket?.resetAndDestroy()
    this.#request.destroy()
  }

  /** Reads on to the end. */
  finish(): void {
    if (this.#response) this.#response.resume()
    else this.#request.once('response', (response) => response.resume())
  }
}

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      act: fc.constant('open' as const),
      link: fc.nat(LINKS - 1),
      object: fc.constantFrom(0, 0, 0, 1, 2, 3),
      client: fc.nat(CLIENTS.length - 1),
      range: fc.option(fc.constantFrom('bytes=0-99', 'bytes=1000-', 'bytes=-50'), {
        nil: undefined,
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constant('abort' as const),
      pick: fc.nat(999),
      isReset: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('finish' as const), pick: fc.nat(999) }) },
  {
    weight: 1,
    arbitrary: fc.record({ act: fc.constant('let-go' as const), isReset: fc.boolean() }),
  },
  { weight: 8, arbitrary: fc.record({ act: fc.constant('wait' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** Downloads that were seen open at once by one link. */
let most = 0

async function run(steps: readonly Step[]): Promise<void> {
  const clients: Client[] = []
  const pick = (nth: number): Client | undefined =>
    clients.length === 0 ? undefined : clients.splice(nth % clients.length, 1)[0]
  const all: Client[] = []
  for (const next of steps) {
    if (next.act === 'open') {
      const client = new Client(next.link, next.object, next.client, next.range)
      clients.push(client)
      all.push(client)
    } else if (next.act === 'abort') pick(next.pick)?.abort(next.isReset)
    else if (next.act === 'finish') pick(next.pick)?.finish()
    else if (next.act === 'let-go') {
      if (next.isReset) origin.reset()
      else origin.open()
      origin.shut()
      for (const client of all) client.isLetGo = true
    }
    // the loop turns, so that some answers are there and some are not
    if (next.act === 'wait') await new Promise((resolve) => setTimeout(resolve, 1))
    most = Math.max(most, expectWithinLimit(all))
  }
  origin.open()
  for (const [nth, client] of clients.entries()) {
    if (nth % 2 === 0) client.finish()
    else client.abort(nth % 4 === 1)
  }
  await Promise.all(all.map((client) => client.over))
  origin.shut()
  expect(all.flatMap((client) => client.failure ?? []).filter(isUnexpected)).toEqual([])
  await expectFreed(gateway, 1000)
  expect(await gaugeOf(gateway, 'sluice_leases_held')).toBe(0)
  expect(await gaugeOf(gateway, 'sluice_downloads_open')).toBe(0)
  await eventually('files closed', () => openFilesBelow(gateway.root) === 0, 1000)
  await eventually('origin requests ended', () => origin.held === 0, 1000)
}

/** An origin that resets before its head is out makes a 502; one that resets later a cut. */
function isUnexpected(failure: string): boolean {
  return failure !== 'the status 502' && failure !== 'aborted'
}

/** Returns the most downloads that a link has. */
function expectWithinLimit(all: readonly Client[]): number {
  let most = 0
  for (let link = 0; link < LINKS; link++) {
    const held = all.filter((client) => client.link === link && client.isHeld)
    const downloads = new Set(held.map((client) => client.address))
    expect(downloads.size).toBeLessThanOrEqual(MAX_DOWNLOADS)
    most = Math.max(most, downloads.size)
  }
  return most
}

test('after 10,000 random steps no lease and no download is held, and no limit was passed', async () => {
  let steps = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 900, maxLength: 1200, size: 'max' }), (list) => {
      steps += list.length
      return run(list)
    }),
    { numRuns: 10, seed: 20_261_121, endOnFailure: true },
  )
  expect(steps).toBeGreaterThan(9000)
  expect(most).toBe(MAX_DOWNLOADS)
}, 90_000)
