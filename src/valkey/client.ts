import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { GatewayError } from '../base/failure.ts'
import { parseStateUrl, type StateAddress } from '../base/state-url.ts'
import { isReadOnly } from './failure.ts'

/** How the shared state is reached. */
export interface ValkeyOptions {
  /** See `parseStateUrl`. */
  readonly url: string
  /** Stand before those of the URL. */
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Of the Sentinels; they have users of their own. */
  readonly sentinelUsername?: string | undefined
  readonly sentinelPassword?: string | undefined
  /** PEM of the authority that signed the certificates of the servers. */
  readonly ca?: string | undefined
  /** What every key begins with. */
  readonly prefix: string
  /** How long admissions wait after the state forgot what it knew. */
  readonly holdMs?: number | undefined
}

export type Client = Redis | Cluster

/** A call that takes longer failed. */
export const COMMAND_TIMEOUT_MS = 500
/** Longer, so that calls end by their own deadline: this one is for the handshake. */
const HANDSHAKE_TIMEOUT_MS = 1000
const CONNECT_TIMEOUT_MS = 1000
const MAX_RETRY_MS = 1000
/** Of a server that keeps its address: all nodes are back long before admissions go on. */
const SAME_PLACE_RETRY_MS = 250
const SLOTS_REFRESH_MS = 2000

const retry = (times: number): number => Math.min(100 * times, MAX_RETRY_MS)

/** A client that answers or fails soon: nothing is queued, nothing is sent twice. */
export function createClient(options: ValkeyOptions): Client {
  const address = parseStateUrl(options.url)
  if (typeof address === 'string') {
    throw new GatewayError('ERR_STATE_UNAVAILABLE', `the URL of the state ${address}`)
  }
  if (address.kind === 'cluster') return createCluster(address, options)
  return new Redis({
    ...connectionOptions(address, options),
    ...placeOf(address, options),
    replyMapping: 'legacy',
  })
}

function connectionOptions(address: StateAddress, options: ValkeyOptions) {
  return {
    protocol: 2,
    username: options.username ?? address.username,
    password: options.password ?? address.password,
    db: address.database,
    tls: tlsOf(address, options),
    connectionName: 'sluice',
    commandTimeout: HANDSHAKE_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // done by hand: a resubscription that fails in the client is an unhandled rejection
    autoResubscribe: false,
    enableOfflineQueue: false,
    retryStrategy: retry,
    reconnectOnError: isReadOnly,
  } satisfies RedisOptions
}

function placeOf(address: StateAddress, options: ValkeyOptions): RedisOptions {
  if (address.kind === 'single') {
    return { ...address.hosts[0], retryStrategy: () => SAME_PLACE_RETRY_MS }
  }
  return {
    sentinels: [...address.hosts],
    name: address.master,
    sentinelUsername: options.sentinelUsername,
    sentinelPassword: options.sentinelPassword,
    sentinelCommandTimeout: COMMAND_TIMEOUT_MS,
    sentinelRetryStrategy: retry,
    sentinelTLS: tlsOf(address, options),
    enableTLSForSentinelMode: address.isTls,
    failoverDetector: true,
  }
}

function createCluster(address: StateAddress, options: ValkeyOptions): Cluster {
  const { enableOfflineQueue, retryStrategy, ...redisOptions } = connectionOptions(address, options)
  return new Cluster([...address.hosts], {
    redisOptions,
    enableOfflineQueue,
    clusterRetryStrategy: retryStrategy,
    // a call that is sent again after its caller gave up would count what nobody gives back
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 0,
    slotsRefreshTimeout: COMMAND_TIMEOUT_MS,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    // certificates name hosts, not the addresses that a look-up gives
    dnsLookup: (host, found) => {
      found(null, host)
    },
  })
}

function tlsOf(address: StateAddress, options: ValkeyOptions) {
  return address.isTls ? { ca: options.ca } : undefined
}
