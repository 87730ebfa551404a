import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { secondsOf } from '../../base/clock.ts'
import type { Key } from '../../link/key-ring.ts'
import { CLOUDFLARE_STREAM } from '../../link/schemes/stream-token.ts'
import type { DialectServices } from '../services.ts'

/** A key with its private half. */
export interface Signer {
  readonly key: Key
  readonly signKey: KeyObject
}

/** Finds what a token is signed with: the key that the caller gives, or the newest one here. */
export class SigningKeys {
  readonly #services: DialectServices
  #making: Promise<unknown> | undefined

  constructor(services: DialectServices) {
    this.#services = services
  }

  /** The signer, or why there is none. */
  async find({
    id,
    pem,
  }: {
    readonly id?: string | undefined
    readonly pem?: string | undefined
  }): Promise<Signer | string> {
    if (id === undefined && pem === undefined) return this.#newest()
    if (id === undefined || pem === undefined) return 'id and pem go together'
    const { clock, keys } = this.#services
    const key = keys.find(id, CLOUDFLARE_STREAM, secondsOf(clock))
    const signKey = privateKeyOf(pem)
    if (!key || !signKey || !createPublicKey(signKey).equals(key.verifyKey)) {
      return 'pem is not the private half of the key id'
    }
    return { key, signKey }
  }

  async #newest(): Promise<Signer | string> {
    const known = this.#signer()
    if (known) return known
    // calls that come at once wait for one key
    this.#making ??= this.#services.streamKeys.create().finally(() => {
      this.#making = undefined
    })
    await this.#making
    return this.#signer() ?? 'there is no signing key'
  }

  #signer(): Signer | undefined {
    const { clock, keys } = this.#services
    const key = keys.signer(CLOUDFLARE_STREAM, secondsOf(clock))
    return key?.signKey && { key, signKey: key.signKey }
  }
}

/** Reads PEM, or base64 of it, as the API hands keys out. */
function privateKeyOf(pem: string): KeyObject | undefined {
  const text = pem.includes('-----BEGIN') ? pem : Buffer.from(pem, 'base64').toString()
  try {
    return createPrivateKey(text)
  } catch {
    return undefined
  }
}
