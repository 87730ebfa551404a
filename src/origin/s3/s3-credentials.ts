import type { Clock } from '../../base/clock.ts'
import { GatewayError } from '../../base/failure.ts'

/** What requests to a bucket are signed with. */
export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials. */
  readonly sessionToken?: string | undefined
}

/** Where the credentials of a bucket come from. Those that are at hand come at once. */
export interface S3CredentialSource {
  get(): S3Credentials | Promise<S3Credentials>
  /** Others than those that the store called expired; undefined when there are none to hope for. */
  renew(expired: S3Credentials): Promise<S3Credentials> | undefined
}

/** Asks for credentials anew; `forceRefresh` passes over what is remembered. */
export type CredentialProvider = (options?: {
  readonly forceRefresh?: boolean
}) => Promise<S3Credentials & { readonly expiration?: Date | undefined }>

/** Credentials of the configuration. */
export class FixedCredentials implements S3CredentialSource {
  readonly #credentials: S3Credentials

  constructor(credentials: S3Credentials) {
    this.#credentials = credentials
  }

  get(): S3Credentials {
    return this.#credentials
  }

  renew(): undefined {
    return undefined
  }
}

/** How long before their end credentials are renewed, while the old ones still serve. */
const RENEW_AHEAD_MS = 5 * 60_000
/** How long a service that gave no newer ones is left alone. */
const RENEW_PAUSE_MS = 30_000

/** Credentials that a provider makes and renews: of a container, an instance, a role. */
export class ProvidedCredentials implements S3CredentialSource {
  readonly #provider: CredentialProvider
  readonly #clock: Clock
  #known: S3Credentials | undefined
  /** Milliseconds of the epoch. */
  #expiresAt = 0
  #askedAt = -Infinity
  #pending: Promise<S3Credentials> | undefined

  constructor(provider: CredentialProvider, clock: Clock) {
    this.#provider = provider
    this.#clock = clock
  }

  get(): S3Credentials | Promise<S3Credentials> {
    const now = this.#clock.now()
    if (!this.#known || now >= this.#expiresAt) return this.#ask(false)
    if (now >= this.#expiresAt - RENEW_AHEAD_MS && now >= this.#askedAt + RENEW_PAUSE_MS) {
      // nobody waits for a renewal that is not urgent, and its failure is seen when it is
      this.#ask(false).catch(() => undefined)
    }
    return this.#known
  }

  renew(expired: S3Credentials): Promise<S3Credentials> {
    // requests that were under way together renew once
    if (this.#known && this.#known !== expired) return Promise.resolve(this.#known)
    return this.#ask(true)
  }

  #ask(forceRefresh: boolean): Promise<S3Credentials> {
    this.#askedAt = this.#clock.now()
    this.#pending ??= this.#load(forceRefresh).finally(() => {
      this.#pending = undefined
    })
    return this.#pending
  }

  async #load(forceRefresh: boolean): Promise<S3Credentials> {
    try {
      const { expiration, ...credentials } = await this.#provider({ forceRefresh })
      this.#known = credentials
      this.#expiresAt = expiration?.getTime() ?? Infinity
      return credentials
    } catch (error) {
      throw new GatewayError('ERR_ORIGIN_UNREACHABLE', 'there are no credentials for the bucket', {
        cause: error,
      })
    }
  }
}

/**
 * The places where every tool of AWS looks: the environment, profiles, web identity, and the services of
 * containers and instances. The library is loaded when a bucket first needs it.
 */
export function awsProvider(): CredentialProvider {
  let chain: CredentialProvider | undefined
  return async (options) => {
    if (!chain) {
      const { defaultProvider } = await import('@aws-sdk/credential-provider-node')
      chain ??= defaultProvider()
    }
    return chain(options)
  }
}
