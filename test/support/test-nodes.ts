import { randomUUID } from 'node:crypto'
import { eventually } from './eventually.ts'
import { send } from './http-client.ts'
import { startTestGateway, type TestGateway, type TestGatewayOptions } from './test-gateway.ts'

export interface NodesOptions extends Omit<TestGatewayOptions, 'directory' | 'secret'> {
  /** Of the Valkey or Redis. */
  readonly url: string
  /** More members of `state`. */
  readonly state?: object
}

/** Two gateways in this process with one key and one shared state, each with a directory of its own. */
export interface TestNodes {
  readonly a: TestGateway
  readonly b: TestGateway
  close(): Promise<void>
}

const READY = 'ready.txt'

/** Starts both and waits until they count as one. The routes need `/files/`. */
export async function startNodes({ url, state, ...options }: NodesOptions): Promise<TestNodes> {
  const terms = {
    ...options,
    files: { ...options.files, [READY]: READY },
    config: { ...options.config, state: { driver: 'valkey', url, ...state } },
  }
  const a = await startTestGateway(terms)
  const b = await startTestGateway({ ...terms, secret: a.secret })
  await counting(a, b)
  return {
    a,
    b,
    async close() {
      await Promise.all([a.close(), b.close()])
    },
  }
}

/** Waits until a use on either is known to the other: a state that is new or forgot is not asked for a while. */
export async function counting(a: TestGateway, b: TestGateway): Promise<void> {
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    await eventually(
      'the nodes count as one',
      async () => {
        const link = one.sign(`/files/${READY}`, { jti: randomUUID(), multi_use: 'false' })
        if ((await send(one, link)).status !== 200) return false
        return (await send(other, link)).status === 410
      },
      15_000,
    )
  }
}
