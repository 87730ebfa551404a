import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseNetwork } from '../../src/base/address.ts'
import { NetworkSet } from '../../src/base/network-set.ts'
import { refuse } from '../../src/base/refusal.ts'
import { KeyRing } from '../../src/link/key-ring.ts'
import { LinkVerifier } from '../../src/link/verify-link.ts'
import { claimedLinks } from '../support/claimed-link.ts'
import { handleRoutes, listenWith } from '../support/handled-routes.ts'
import { send } from '../support/http-client.ts'
import { MemoryOrigin } from '../support/memory-origin.ts'
import { policyOf } from '../support/request-parts.ts'

const PROXY = '127.0.0.2'
const DIRECT = '127.0.0.3'
const CALLED = { scheme: 'http', host: 'cdn.example:8080' }
/** The link holds for one site. */
const bound = claimedLinks({
  bound: {
    conditions: [
      {
        name: 'site',
        check: ({ site }) =>
          site.scheme === CALLED.scheme && site.host === CALLED.host
            ? undefined
            : refuse('link_resource_mismatch', `${site.scheme}://${site.host}`),
      },
    ],
  },
})
const handled = handleRoutes(
  [
    {
      path: '/files/',
      originName: 'memory',
      origin: new MemoryOrigin({ a: 'a' }),
      policy: policyOf(),
      verifier: new LinkVerifier([bound], new KeyRing([])),
    },
  ],
  { trustedProxies: new NetworkSet([parseNetwork(`${PROXY}/32`)!]) },
)
let server: Awaited<ReturnType<typeof listenWith>>

beforeAll(async () => {
  server = await listenWith(handled)
})

afterAll(() => {
  server.close()
})

async function statusFor(localAddress: string, headers: Record<string, string>): Promise<number> {
  return (await send(server, '/files/a?claim=bound', { headers, localAddress })).status
}

describe('a link that is bound to what the client called', () => {
  const fields = { 'X-Forwarded-Proto': 'http', 'X-Forwarded-Host': 'cdn.example:8080' }

  it('opens where a trusted proxy says so', async () => {
    expect(await statusFor(PROXY, fields)).toBe(200)
    expect(await statusFor(PROXY, { Forwarded: 'proto=http;host="cdn.example:8080"' })).toBe(200)
  })

  it('stays shut for a client that says so itself', async () => {
    expect(await statusFor(DIRECT, fields)).toBe(403)
    expect(await statusFor(DIRECT, { Host: 'cdn.example:8080' })).toBe(403)
  })

  it('is not even looked at where the fields of the proxy disagree', async () => {
    expect(await statusFor(PROXY, { ...fields, Forwarded: 'host=other.example' })).toBe(400)
  })
})
