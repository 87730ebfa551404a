import { setTimeout as delay } from 'node:timers/promises'
import { Cluster } from 'ioredis'
import type { GatewayError } from '../base/failure.ts'
import { Availability } from './availability.ts'
import { type Client, COMMAND_TIMEOUT_MS, createClient, type ValkeyOptions } from './client.ts'
import { isOutage, stateFailure, within } from './failure.ts'
import { HOLD_MS, type HelloKeys, helloKeys, sayHello } from './hello.ts'
import { type Argument, evaluate, type Script } from './script.ts'
import { Subscriber } from './subscriber.ts'

/** One call of a pipeline. */
export type Call =
  | {
      readonly script: Script
      readonly keys: readonly string[]
      readonly args: readonly Argument[]
    }
  | { readonly command: string; readonly args: readonly Argument[] }

/** How one call of a pipeline ended. */
export type Result =
  | { readonly outcome: 'answered'; readonly value: unknown }
  | { readonly outcome: 'failed'; readonly failure: GatewayError }

/**
 * The way to the shared state. Every call is answered or fails with `ERR_STATE_UNAVAILABLE` soon; while
 * the state does not answer it fails at once. Replies are strings, numbers, null and arrays of them.
 */
export class ValkeyConnection {
  readonly prefix: string
  readonly isCluster: boolean
  readonly #options: ValkeyOptions
  readonly #client: Client
  readonly #keys: HelloKeys
  readonly #availability: Availability
  readonly #prepared = new Set<Script>()
  #subscriber: Subscriber | undefined
  #epoch = ''
  #lastError: unknown

  /** Connects by itself, and again whenever it must. */
  constructor(options: ValkeyOptions) {
    this.prefix = options.prefix
    this.#options = options
    this.#client = createClient(options)
    this.isCluster = this.#client instanceof Cluster
    this.#keys = helloKeys(options.prefix)
    this.#availability = new Availability({
      run: () => this.#hello(),
      onStuck: () => {
        if (this.#client.status === 'ready') this.#client.disconnect(true)
      },
    })
    this.#follow()
  }

  get isUp(): boolean {
    return this.#availability.isUp
  }

  /** Holds what the state is known by since it last forgot anything; `epoch` is what it held last. */
  get epochKey(): string {
    return this.#keys.epoch
  }

  /** Stands while counts may be wrong: the state forgot, and nodes write back what they hold open. */
  get holdKey(): string {
    return this.#keys.hold
  }

  get epoch(): string {
    return this.#epoch
  }

  /** Waits for a usable connection; false when there is none within the time. */
  async ready(withinMs: number): Promise<boolean> {
    if (this.isUp) return true
    const stop = new AbortController()
    const late = delay(withinMs, false, { signal: stop.signal }).catch(() => false)
    let forget = (): void => undefined
    const up = new Promise<boolean>((resolve) => {
      forget = this.onUp(() => {
        resolve(true)
      })
    })
    const isUp = await Promise.race([up, late])
    stop.abort()
    forget()
    return isUp
  }

  /**
   * Has every server keep these scripts. Calls of them run in the order in which they are sent: one that
   * the server does not know is sent again, behind what came after it.
   */
  prepare(scripts: readonly Script[]): void {
    for (const script of scripts) this.#prepared.add(script)
    if (this.isUp) void this.#load()
  }

  /** Runs a script on the server that holds its keys. */
  run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.#ask(() => evaluate(this.#client, script, keys, args))
  }

  command(name: string, ...args: readonly Argument[]): Promise<unknown> {
    return this.#ask(() => this.#client.call(name, [...args]))
  }

  /** Sends all calls without waiting in between. One that fails does not stop the others. */
  pipeline(calls: readonly Call[]): Promise<readonly Result[]> {
    return Promise.all(
      calls.map(async (call): Promise<Result> => {
        try {
          const value = await ('script' in call
            ? this.run(call.script, call.keys, call.args)
            : this.command(call.command, ...call.args))
          return { outcome: 'answered', value }
        } catch (error) {
          return { outcome: 'failed', failure: stateFailure(error) }
        }
      }),
    )
  }

  /** Calls back with each message of a channel, through every reconnect; what comes in between is missed. */
  subscribe(channel: string, onMessage: (message: string) => void): Promise<void> {
    this.#subscriber ??= new Subscriber(this.isCluster ? this.#client : createClient(this.#options))
    return this.#subscriber.subscribe(channel, onMessage)
  }

  async publish(channel: string, message: string): Promise<void> {
    await this.command('PUBLISH', channel, message)
  }

  /** Looks at once whether the state is the one that it was: after an answer that says it is not. */
  checkEpoch(): Promise<void> {
    return this.#availability.check()
  }

  /** Calls back each time that the state can be used again. Gives what undoes it. */
  onUp(callback: () => void): () => void {
    return this.#availability.onUp(callback)
  }

  onDown(callback: (failure: GatewayError) => void): () => void {
    return this.#availability.onDown(() => {
      callback(this.#outage())
    })
  }

  close(): void {
    this.#availability.close()
    this.#subscriber?.close()
    this.#client.disconnect()
  }

  #follow(): void {
    const renew = (): void => {
      this.#availability.renew()
    }
    this.#client.on('error', (error: unknown) => (this.#lastError = error))
    this.#client.on('close', () => {
      this.#availability.fail()
    })
    this.#client.on('ready', renew)
    // a node that joins a Cluster may be one that restarted
    if (this.isCluster) this.#client.on('+node', renew)
  }

  async #hello(): Promise<void> {
    // without a connection the client says nothing but that; why there is none it said before
    if (this.#client.status !== 'ready') throw this.#outage()
    void this.#subscriber?.check()
    try {
      const terms = { isFirst: this.#epoch === '', holdMs: this.#options.holdMs ?? HOLD_MS }
      const epoch = await sayHello(this.#client, this.#keys, terms)
      if (epoch !== this.#epoch) await this.#load()
      this.#epoch = epoch
    } catch (error) {
      this.#lastError = error
      throw error
    }
  }

  async #load(): Promise<void> {
    const servers = this.#client instanceof Cluster ? this.#client.nodes('master') : [this.#client]
    const texts = [...this.#prepared].map(({ lua }) => lua)
    const loads = servers.flatMap((server) => texts.map((lua) => server.script('LOAD', lua)))
    // who may not load them runs them all the same
    await within(COMMAND_TIMEOUT_MS, Promise.allSettled(loads)).catch(() => undefined)
  }

  async #ask(call: () => Promise<unknown>): Promise<unknown> {
    if (!this.isUp) throw this.#outage()
    try {
      return await within(COMMAND_TIMEOUT_MS, call())
    } catch (error) {
      if (isOutage(error)) {
        this.#lastError = error
        this.#availability.fail()
      }
      throw stateFailure(error)
    }
  }

  #outage(): GatewayError {
    return stateFailure(this.#lastError ?? new Error('there is no connection yet'))
  }
}
