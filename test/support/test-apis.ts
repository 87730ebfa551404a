import { KNOWS_NOTHING } from '../../src/geo/network-lookup.ts'
import { sha256 } from '../../src/base/bytes.ts'
import { secondsOf } from '../../src/base/clock.ts'
import type { Asset, Catalogue } from '../../src/catalogue/catalogue.ts'
import type { Format } from '../../src/catalogue/format.ts'
import { SqliteCatalogue } from '../../src/catalogue/sqlite-catalogue.ts'
import { apisSchema } from '../../src/config/apis-schema.ts'
import { buildApis } from '../../src/gateway/apis.ts'
import type { ApiAnswer, ApiEndpoint, ApiObject, ApiText } from '../../src/http/api.ts'
import { RouteTable } from '../../src/http/route.ts'
import { type Key, KeyRing } from '../../src/link/key-ring.ts'
import { SluiceHmac } from '../../src/link/schemes/sluice-hmac.ts'
import { LinkVerifier } from '../../src/link/verify-link.ts'
import { openMemoryDatabase } from '../../src/state/database.ts'
import { FakeClock } from './fake-clock.ts'
import { HandRenditions } from './hand-renditions.ts'
import { MemoryOrigin } from './memory-origin.ts'
import { contextOf, policyOf, secretKey } from './request-parts.ts'

/** The Bearer token of a client with all scopes, and of one that may use no API here. */
export const TOKEN = 'token-of-all'
export const POOR_TOKEN = 'token-of-none'

export interface TestApis {
  readonly clock: FakeClock
  readonly catalogue: Catalogue
  readonly renditions: HandRenditions
  /** Adds an asset; what is not said is that of a video in MP4. */
  put(asset: Partial<Asset> & { readonly id: string }, given?: Given): Promise<Asset>
  endpoint(target: string): ApiEndpoint
  /** Calls an endpoint with the token of all, unless headers say otherwise. */
  call(target: string, options?: CallOptions): Promise<ApiAnswer>
}

type Given = Partial<Readonly<Record<Format, string>>>

interface CallOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** The published APIs without a gateway around them: a catalogue in memory and a clock that stands still. */
export function makeApis(
  names: readonly ('elytron' | 'ibm' | 'stream')[],
  options: { readonly policy?: Readonly<Record<string, unknown>>; readonly keys?: Key[] } = {},
): TestApis {
  const clock = new FakeClock()
  const catalogue = new SqliteCatalogue(openMemoryDatabase())
  const renditions = new HandRenditions(catalogue, clock)
  const policy = policyOf(options.policy ?? {})
  const keys = new KeyRing(options.keys ?? [secretKey('k1', 1)])
  const schemes = [new SluiceHmac({ isIgnored: policy.isIgnoredParameter })]
  const route = {
    path: '/assets/',
    originName: 'library',
    origin: new MemoryOrigin(),
    verifier: new LinkVerifier(schemes, keys),
    policy,
  }
  const desk = {
    clock,
    routes: new RouteTable([route]),
    keys,
    networks: KNOWS_NOTHING,
    publicUrl: 'https://files.example',
    site: { scheme: 'https' as const, host: 'files.example' },
  }
  const config = apisSchema.parse({
    origin: 'library',
    ...Object.fromEntries(names.map((name) => [name, {}])),
  })
  if (!config) throw new Error('no configuration')
  const apis = buildApis(
    { config, clock, catalogue, renditions, tasks: NONE, streamKeys: NONE, firstCalls: NONE },
    route,
    [
      { id: 'all', secret: undefined, tokenSha256: sha256(TOKEN), scopes: ['*'] },
      { id: 'none', secret: undefined, tokenSha256: sha256(POOR_TOKEN), scopes: ['tasks'] },
    ],
    () => desk,
  )
  const endpoint = (target: string): ApiEndpoint => {
    const found = apis.find(target.replace(/\?.*/, ''))
    if (!found) throw new Error(`no endpoint has the path of ${target}`)
    return found
  }
  return {
    clock,
    catalogue,
    renditions,
    endpoint,
    async put(asset, given = {}) {
      const { id } = asset
      const whole: Asset = {
        filename: 'holiday.mp4',
        origin: 'library',
        object: `films/${id}.mp4`,
        requireSigned: false,
        status: 'ready',
        createdAt: secondsOf(clock),
        ...asset,
      }
      const renditionsOfIt = Object.entries(given).map(([format, object]) => ({
        assetId: id,
        format: format as Format,
        status: 'ready' as const,
        percent: 100,
        origin: 'library',
        object,
        isGiven: true,
      }))
      await catalogue.putAsset(whole, renditionsOfIt)
      return whole
    },
    call(
      target,
      { method = 'GET', headers = { authorization: `Bearer ${TOKEN}` }, body = '' } = {},
    ) {
      const context = contextOf(target, { now: secondsOf(clock), method, headers })
      const readBody = (): Promise<Buffer> => Promise.resolve(Buffer.from(body))
      return endpoint(target).serve({ context, readBody })
    },
  }
}

/** Parts that the APIs under test have no use for. */
const NONE = new Proxy({} as never, {
  get(_, name) {
    throw new Error(`nobody asks for ${String(name)} here`)
  },
})

/** The status and the JSON of an answer that is no object. */
export function jsonOf(answer: ApiAnswer | undefined): {
  readonly status: number
  readonly body: unknown
} {
  const { status, body } = textOf(answer)
  return { status, body: JSON.parse(body) }
}

export function textOf(answer: ApiAnswer | undefined): ApiText {
  if (answer?.kind !== 'text') throw new Error(`the answer is ${answer?.kind}`)
  return answer
}

export function objectOf(answer: ApiAnswer): ApiObject {
  if (answer.kind !== 'object') throw new Error(`the answer is ${JSON.stringify(answer)}`)
  return answer
}
