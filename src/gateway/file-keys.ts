import type { KeyAdmin, KeyInfo } from '../admin/services.ts'
import { type Clock, secondsOf } from '../base/clock.ts'
import { newKey, type NewKeyOptions } from '../config/generate.ts'
import { retireKey, writeKey } from '../config/key-files.ts'
import { isActive, type Key, type KeyRing } from '../link/key-ring.ts'

/** Key administration over the key directory: a change is written, then the configuration is loaded again. */
export class FileKeys implements KeyAdmin {
  readonly #directory: string
  readonly #clock: Clock
  readonly #ring: () => KeyRing
  readonly #reload: () => Promise<boolean>

  constructor(
    directory: string,
    clock: Clock,
    ring: () => KeyRing,
    reload: () => Promise<boolean>,
  ) {
    this.#directory = directory
    this.#clock = clock
    this.#ring = ring
    this.#reload = reload
  }

  list(): KeyInfo[] {
    return [...this.#ring()].map((key) => this.#describe(key))
  }

  async create(options: Parameters<KeyAdmin['create']>[0]): Promise<KeyInfo> {
    const jwk = newKey(
      {
        alg: options.alg as NewKeyOptions['alg'],
        schemes: options.schemes,
        ...(options.kid !== undefined && { kid: options.kid }),
        ...(options.not_before !== undefined && { notBefore: options.not_before }),
      },
      this.#clock,
    )
    writeKey(this.#directory, jwk)
    return this.#reloaded(jwk.kid)
  }

  async retire(kid: string, at: number): Promise<KeyInfo | undefined> {
    if (![...this.#ring()].some((key) => key.kid === kid)) return undefined
    retireKey(this.#directory, kid, at)
    return this.#reloaded(kid)
  }

  async #reloaded(kid: string): Promise<KeyInfo> {
    if (!(await this.#reload()))
      throw new Error('the key was written, but the configuration does not load')
    const info = this.list().find((key) => key.kid === kid)
    if (!info) throw new Error(`the key ${kid} is not in force after its change`)
    return info
  }

  #describe(key: Key): KeyInfo {
    return {
      kid: key.kid,
      alg: key.alg,
      schemes: [...key.schemes],
      notBefore: key.notBefore,
      retireAt: key.retireAt,
      active: isActive(key, secondsOf(this.#clock)),
      signs: key.signKey !== undefined,
    }
  }
}
