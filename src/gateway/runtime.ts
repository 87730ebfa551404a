import { readFileSync } from 'node:fs'
import type { Clock } from '../base/clock.ts'
import { parseConfiguredNetwork } from '../base/configured-network.ts'
import { NetworkSet } from '../base/network-set.ts'
import type { KeyMaterial } from '../config/keys.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { SchemeEntry } from '../config/route-schema.ts'
import type { GatewayConfig, OriginConfig } from '../config/schema.ts'
import type { Entrance } from '../http/receive.ts'
import { type Route, RouteTable } from '../http/route.ts'
import { type Key, KeyRing } from '../link/key-ring.ts'
import type { Scheme } from '../link/scheme.ts'
import { SluiceHmac } from '../link/schemes/sluice-hmac.ts'
import { SluiceJwt } from '../link/schemes/sluice-jwt.ts'
import { LinkVerifier } from '../link/verify-link.ts'
import { FileOrigin } from '../origin/file-origin.ts'
import { HttpOrigin } from '../origin/http-origin.ts'
import type { Origin } from '../origin/origin.ts'
import type { Policy } from '../policy/policy.ts'
import { compilePolicy } from '../policy/compile-policy.ts'
import { Tagger } from '../tag/tagger.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { CatalogueOrigin } from '../catalogue/catalogue-origin.ts'
import type { ApiTable } from '../dialect/api-table.ts'
import type { LinkDesk } from '../operator/link-desk.ts'
import { type ApiParts, buildApis } from './apis.ts'
import { LiveLists } from './live-lists.ts'

/** Everything that one configuration makes. A reload makes a new one and closes the old. */
export interface Runtime extends Entrance {
  readonly config: GatewayConfig
  readonly apis: ApiTable | undefined
  readonly keys: KeyRing
  readonly lists: LiveLists
  readonly origins: ReadonlyMap<string, Origin>
  readonly digest: string
  /** Gives back connections and timers; running downloads go on. */
  close(): void
}

interface RuntimeOptions {
  readonly clock: Clock
  readonly warn: (message: string) => void
  readonly catalogue: Catalogue
  /** Undefined when no published API is switched on, and for tools that answer no calls. */
  readonly apiParts?: ApiParts | undefined
  /** What mints links: of the runtime in force, when it is asked. */
  readonly desk?: () => LinkDesk
}

/** Builds the parts that a valid configuration names. */
export function buildRuntime(
  loaded: LoadedConfig & { readonly config: GatewayConfig },
  { clock, warn, catalogue, apiParts, desk }: RuntimeOptions,
): Runtime {
  const { config } = loaded
  const keys = new KeyRing(loaded.keys.map(keyOf))
  const lists = new LiveLists(config.lists, loaded.lists, clock, warn)
  const origins = new Map(
    Object.entries(config.origins).map(([name, origin]) => [name, buildOrigin(origin)]),
  )
  const policies = new Map(
    [...loaded.policies].map(([name, policy]) => [
      name,
      compilePolicy(name, policy, (list) => lists.get(list)),
    ]),
  )
  const buildRoute = (route: GatewayConfig['routes'][number], origin: Origin): Route => {
    const policy = known(policies, route.policy)
    const schemes = route.schemes.map((entry) => buildScheme(entry, policy))
    const verifier = new LinkVerifier(schemes, keys)
    return { path: route.path, originName: route.origin, origin, verifier, policy }
  }
  const configured = config.routes.map((route) => buildRoute(route, known(origins, route.origin)))
  const assets =
    config.apis &&
    buildRoute(
      { ...config.apis, schemes: [{ name: 'sluice-hmac' }, { name: 'sluice-jwt' }] },
      new CatalogueOrigin(catalogue, origins),
    )
  const routes = new RouteTable(assets ? [...configured, assets] : configured)
  return {
    config,
    keys,
    lists,
    origins,
    routes,
    apis: assets && apiParts && desk && buildApis(apiParts, assets, loaded.clients, desk),
    digest: loaded.digest,
    tagger: new Tagger(keys),
    countries: loaded.countries,
    trustedProxies: new NetworkSet(
      config.server.trustedProxies.flatMap((text) => parseConfiguredNetwork(text) ?? []),
    ),
    jwks: JSON.stringify({ keys: loaded.keys.flatMap((key) => key.publicJwk ?? []) }),
    close() {
      lists.close()
      for (const origin of origins.values()) origin.close()
    },
  }
}

/** A config that passed its checks names only what there is. */
function known<T>(parts: ReadonlyMap<string, T>, name: string): T {
  const part = parts.get(name)
  if (part === undefined) throw new Error(`nothing is called ${name}`)
  return part
}

function keyOf(material: KeyMaterial): Key {
  const { secret, privateKey, publicKey } = material
  const verifyKey = secret ?? publicKey
  if (!verifyKey) throw new Error(`the key ${material.kid} has no half that verifies`)
  return {
    kid: material.kid,
    alg: material.alg,
    schemes: new Set(material.schemes),
    notBefore: material.notBefore,
    retireAt: material.retireAt,
    verifyKey,
    signKey: secret ?? privateKey,
  }
}

function buildOrigin(config: OriginConfig): Origin {
  switch (config.type) {
    case 'file':
      return new FileOrigin({ root: config.root })
    case 'http': {
      const { ca, ...options } = config
      return new HttpOrigin({ ...options, ...(ca !== undefined && { ca: readFileSync(ca) }) })
    }
    default:
      return config satisfies never
  }
}

function buildScheme(entry: SchemeEntry, policy: Policy): Scheme {
  switch (entry.name) {
    case 'sluice-hmac':
      return new SluiceHmac({ isIgnored: policy.isIgnoredParameter })
    case 'sluice-jwt':
      return new SluiceJwt({ issuer: entry.issuer, audience: entry.audience })
    default:
      return entry.name satisfies never
  }
}
