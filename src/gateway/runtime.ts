import { parseConfiguredNetwork } from '../base/configured-network.ts'
import { type AddressSet, NetworkSet } from '../base/network-set.ts'
import { keyOf } from '../config/key-of.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { PolicyConfig } from '../config/policy-schema.ts'
import type { SchemeEntry } from '../config/route-schema.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { Entrance } from '../http/receive.ts'
import { type Route, RouteTable } from '../http/route.ts'
import { listsOfKind } from '../lists/list-config.ts'
import { LiveNetworkData } from '../geo/live-network-data.ts'
import { KeyRing, type KeySource } from '../link/key-ring.ts'
import type { Scheme } from '../link/scheme.ts'
import { schemeDefinition } from '../link/schemes/registry.ts'
import { LinkVerifier } from '../link/verify-link.ts'
import type { Origin } from '../origin/origin.ts'
import type { Policy, PolicySources } from '../policy/policy.ts'
import { compilePolicy } from '../policy/compile-policy.ts'
import { Tagger } from '../tag/tagger.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { CatalogueOrigin } from '../catalogue/catalogue-origin.ts'
import type { ApiTable } from '../dialect/api-table.ts'
import { siteOf } from '../request/client-site.ts'
import type { Site } from '../request/request-context.ts'
import type { LinkDesk } from '../operator/link-desk.ts'
import { type ApiParts, buildApis } from './apis.ts'
import { buildOrigin } from './build-origin.ts'

/** Everything that one configuration makes. A reload makes a new one and closes the old. */
export interface Runtime extends Entrance {
  readonly config: GatewayConfig
  readonly apis: ApiTable | undefined
  readonly keys: KeyRing
  readonly origins: ReadonlyMap<string, Origin>
  /** The policies of the configuration as they are written, and what they are compiled with. */
  readonly policies: ReadonlyMap<string, PolicyConfig>
  readonly sources: PolicySources
  readonly digest: string
  /** Gives back connections and timers; running downloads go on. */
  close(): void
}

export interface RuntimeOptions {
  readonly warn: (message: string) => void
  /** What a list holds now; undefined without data. */
  readonly listed: (list: string) => AddressSet | undefined
  /** What clients call; known for sure when the gateway listens. */
  readonly publicUrl?: () => string
  /** Keys that are published elsewhere; absent for tools that ask nobody. */
  readonly keySource?: KeySource
  readonly catalogue: Catalogue
  /** Undefined when no published API is switched on, and for tools that answer no calls. */
  readonly apiParts?: ApiParts | undefined
  /** What mints links: of the runtime in force, when it is asked. */
  readonly desk?: () => LinkDesk
}

/** Builds the parts that a valid configuration names. */
export function buildRuntime(
  loaded: LoadedConfig & { readonly config: GatewayConfig },
  { warn, listed, publicUrl, keySource, catalogue, apiParts, desk }: RuntimeOptions,
): Runtime {
  const { config } = loaded
  const keys = new KeyRing(loaded.keys.map(keyOf), keySource)
  const networks = new LiveNetworkData(loaded.networks, {
    files: config.geo,
    refreshSeconds: config.geo.refreshSeconds,
    warn,
  })
  const origins = new Map(
    Object.entries(config.origins).map(([name, origin]) => [name, buildOrigin(origin, keys)]),
  )
  const sources: PolicySources = {
    list: listed,
    listsOf: (anonymizer) => listsOfKind(config.lists, anonymizer),
    factsOf: (address) => networks.find(address),
  }
  const policies = new Map(
    [...loaded.policies].map(([name, policy]) => [name, compilePolicy(name, policy, sources)]),
  )
  const buildRoute = (route: GatewayConfig['routes'][number], origin: Origin): Route => {
    const policy = known(policies, route.policy)
    const schemes = route.schemes.map((entry) => buildScheme(entry, route.path, policy))
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
  let site: Site | undefined
  return {
    config,
    keys,
    origins,
    policies: loaded.policies,
    sources,
    routes,
    apis: assets && apiParts && desk && buildApis(apiParts, assets, loaded.clients, desk),
    get site() {
      return (site ??= siteOf(publicUrl?.() ?? config.server.publicUrl))
    },
    digest: loaded.digest,
    tagger: new Tagger(keys),
    redirectSeconds: config.offload.redirectSeconds,
    isOffloadReported: config.offload.log !== undefined,
    networks,
    trustedProxies: new NetworkSet(
      config.server.trustedProxies.flatMap((text) => parseConfiguredNetwork(text) ?? []),
    ),
    jwks: JSON.stringify({ keys: loaded.keys.flatMap((key) => key.publicJwk ?? []) }),
    close() {
      networks.close()
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

function buildScheme({ name, ...options }: SchemeEntry, routePath: string, policy: Policy): Scheme {
  const definition = schemeDefinition(name)
  if (!definition) throw new Error(`no scheme is called ${name}`)
  return definition.create(options, { isIgnored: policy.isIgnoredParameter, routePath })
}
