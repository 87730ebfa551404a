import { createSecretKey, randomBytes } from 'node:crypto'
import type { KeyAdmin, KeyInfo, NewKey } from '../../../src/admin/services.ts'
import { isActive, type Key, KeyRing } from '../../../src/link/key-ring.ts'
import type { FakeClock } from '../../support/fake-clock.ts'

export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** Keys in memory; the change takes effect at once. */
export class FakeKeys implements KeyAdmin {
  readonly secrets: string[] = []
  /** Thrown by the next change. */
  failure: Error | undefined
  readonly #clock: FakeClock
  #keys: Key[] = []

  constructor(clock: FakeClock) {
    this.#clock = clock
    this.#add({ alg: 'HS256', schemes: ['sluice-hmac'], kid: 'hmac-1' })
    this.#add({ alg: 'HS256', schemes: ['sluice-jwt'], kid: 'jwt-1' })
  }

  get ring(): KeyRing {
    return new KeyRing(this.#keys)
  }

  list(): KeyInfo[] {
    return this.#keys.map((key) => ({
      kid: key.kid,
      alg: key.alg,
      schemes: [...key.schemes],
      notBefore: key.notBefore,
      retireAt: key.retireAt,
      active: isActive(key, this.#clock.now() / 1000),
      signs: key.signKey !== undefined,
    }))
  }

  async create(options: NewKey): Promise<KeyInfo> {
    if (this.failure) throw this.failure
    this.#add(options)
    return this.list().at(-1) as KeyInfo
  }

  async retire(kid: string, at: number): Promise<KeyInfo | undefined> {
    if (this.failure) throw this.failure
    this.#keys = this.#keys.map((key) => (key.kid === kid ? { ...key, retireAt: at } : key))
    return this.list().find((key) => key.kid === kid)
  }

  #add({ kid = 'k', alg, schemes, not_before }: NewKey): void {
    const secret = newSecret()
    this.secrets.push(secret)
    const key = createSecretKey(Buffer.from(secret, 'base64url'))
    const times = { notBefore: not_before, retireAt: undefined }
    this.#keys.push({ kid, alg, schemes: new Set(schemes), ...times, verifyKey: key, signKey: key })
  }
}
