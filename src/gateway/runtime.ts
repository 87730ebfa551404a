import { readFileSync } from 'node:fs'
import type { Clock } from '../base/clock.ts'
import { parseConfiguredNetwork } from '../base/configured-network.ts'
import { NetworkSet } from '../base/network-set.ts'
import type { KeyMaterial } from '../config/keys.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { SchemeEntry } from '../config/route-schema.ts'
import type { GatewayConfig, OriginConfig } from '../config/schema.ts'
import type { Entrance } from '../http/receive.ts'
import { RouteTable } from '../http/route.ts'
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
import { LiveLists } from './live-lists.ts'

/** Everything that one configuration makes. A reload makes a new one and closes the old. */
export interface Runtime extends Entrance {
  readonly config: GatewayConfig
  readonly keys: KeyRing
  readonly lists: LiveLists
  readonly digest: string
  /** Gives back connections and timers; running downloads go on. */
  close(): void
}

/** Builds the parts that a valid configuration names. */
export function buildRuntime(
  loaded: LoadedConfig & { readonly config: GatewayConfig },
  clock: Clock,
  warn: (message: string) => void,
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
  const routes = new RouteTable(
    config.routes.map((route) => {
      const policy = known(policies, route.policy)
      const schemes = route.schemes.map((entry) => buildScheme(entry, policy))
      return {
        path: route.path,
        originName: route.origin,
        origin: known(origins, route.origin),
        verifier: new LinkVerifier(schemes, keys),
        policy,
      }
    }),
  )
  return {
    config,
    keys,
    lists,
    routes,
    digest: loaded.digest,
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
