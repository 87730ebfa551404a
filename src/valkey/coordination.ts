import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatewayError } from '../base/failure.ts'
import type { Coordination } from '../rendition/coordination.ts'
import { KeyedLock } from '../rendition/keyed-lock.ts'
import type { ValkeyConnection } from './connection.ts'
import type { Script } from './script.ts'

export interface CoordinationTimes {
  /** How long a claim outlives its node; it is renewed three times in that time. */
  readonly claimMs: number
  /** The same for the lock around short work. */
  readonly lockMs: number
}

const TIMES: CoordinationTimes = { claimMs: 15_000, lockMs: 3000 }
const RETRY_MS = 20
/** Stands in the place of a holder where the work was ended: no token is like it. */
const ENDED = 'ended'

/** Takes or renews, unless another has it. A state that forgot a holder lets it go on. */
const HOLD: Script = {
  name: 'hold',
  keys: 1,
  lua: `local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`,
}

const LET_GO: Script = {
  name: 'let-go',
  keys: 1,
  lua: `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`,
}

/**
 * Claims and locks of the nodes on one server: each is a key that expires unless its holder renews it.
 * A holder that cannot reach the server goes on, since it cannot write a result down either: what it
 * does after another took over is refused where it is written.
 */
export class ValkeyCoordination implements Coordination {
  readonly #valkey: ValkeyConnection
  readonly #times: CoordinationTimes
  readonly #local = new KeyedLock()

  constructor(valkey: ValkeyConnection, times: CoordinationTimes = TIMES) {
    this.#valkey = valkey
    this.#times = times
  }

  async alone<T>(key: string, work: () => Promise<T>): Promise<T> {
    const { lockMs } = this.#times
    const lock = { key: this.#key('lock', key), token: randomUUID(), ms: lockMs }
    return this.#local.run(key, async () => {
      await this.#wait(lock)
      return this.#holding(lock, work, () => undefined)
    })
  }

  async claim(
    name: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<boolean> {
    const claim = { key: this.#claimKey(name), token: randomUUID(), ms: this.#times.claimMs }
    if (signal.aborted || !(await this.#hold(claim))) return false
    const lost = new AbortController()
    await this.#holding(
      claim,
      () => work(AbortSignal.any([signal, lost.signal])),
      () => {
        lost.abort()
      },
    )
    return true
  }

  async isClaimed(name: string): Promise<boolean> {
    const holder = await this.#valkey.command('GET', this.#claimKey(name))
    return holder !== null && holder !== ENDED
  }

  async end(name: string): Promise<void> {
    await this.#valkey.command('SET', this.#claimKey(name), ENDED, 'PX', this.#times.claimMs)
  }

  async #wait(lock: Hold): Promise<void> {
    // the lock of a node that died goes within its life
    const until = performance.now() + 2 * lock.ms
    while (!(await this.#hold(lock))) {
      if (performance.now() > until) {
        throw new GatewayError('ERR_STATE_UNAVAILABLE', 'another node keeps a lock for too long')
      }
      await sleep(RETRY_MS * (0.5 + Math.random()))
    }
  }

  /** Renews what is held as long as the work goes on, and lets it go after that. */
  async #holding<T>(hold: Hold, work: () => Promise<T>, onLost: () => void): Promise<T> {
    const renewal = setInterval(() => {
      this.#hold(hold).then(
        (isHeld) => {
          if (!isHeld) onLost()
        },
        () => undefined,
      )
    }, hold.ms / 3)
    try {
      return await work()
    } finally {
      clearInterval(renewal)
      // what cannot be let go expires
      await this.#valkey.run(LET_GO, [hold.key], [hold.token]).catch(() => undefined)
    }
  }

  async #hold({ key, token, ms }: Hold): Promise<boolean> {
    return (await this.#valkey.run(HOLD, [key], [token, ms])) === 1
  }

  #claimKey(name: string): string {
    return this.#key('claim', name)
  }

  #key(kind: 'claim' | 'lock', name: string): string {
    return `${this.#valkey.prefix}${kind}:${name}`
  }
}

interface Hold {
  readonly key: string
  readonly token: string
  readonly ms: number
}
