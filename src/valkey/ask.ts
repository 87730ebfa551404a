import { GatewayError } from '../base/failure.ts'
import type { ValkeyConnection } from './connection.ts'
import { helloKeys } from './hello.ts'
import type { Script } from './script.ts'
import { ADMIT_ALONE, GUARDED_ADMIT } from './scripts/admit.lua.ts'
import { BEAT_ALONE, GUARDED_BEAT } from './scripts/upkeep.lua.ts'

/** Who asks: every script gets the node's name and how long its leases live. */
export interface NodeTerms {
  readonly node: string
  readonly ttlMs: number
}

/** A script on the keys of one tag, with a question and an answer in JSON. */
export async function ask(
  connection: ValkeyConnection,
  { node, ttlMs }: NodeTerms,
  script: Script,
  base: string,
  question: object,
): Promise<unknown> {
  const keys = [base]
  if (script === GUARDED_ADMIT || script === GUARDED_BEAT) {
    const { epoch, hold, pulse } = helloKeys(connection.prefix)
    keys.push(epoch, hold, pulse)
  }
  const text = JSON.stringify({ node, ttl: ttlMs, epoch: connection.epoch, ...question })
  const answer = await connection.run(script, keys, [text])
  return typeof answer === 'string' ? (JSON.parse(answer) as unknown) : answer
}

/** The admission of a connection: in a cluster the guard's keys are on other machines. */
export async function admit(
  connection: ValkeyConnection,
  terms: NodeTerms,
  base: string,
  question: object,
): Promise<AdmitReply> {
  const script = connection.isCluster ? ADMIT_ALONE : GUARDED_ADMIT
  const reply = (await ask(connection, terms, script, base, question)) as AdmitReply
  if (reply.place !== 'hold') return reply
  void connection.checkEpoch().catch(() => undefined)
  throw new GatewayError('ERR_STATE_UNAVAILABLE', 'the shared state is being counted anew')
}

/** Renews leases; says of each what became of it. */
export function renew(
  connection: ValkeyConnection,
  terms: NodeTerms,
  base: string,
  downloads: readonly object[],
): Promise<unknown> {
  const script = connection.isCluster ? BEAT_ALONE : GUARDED_BEAT
  return ask(connection, terms, script, base, { downloads })
}

/** What is known of a download on the server. */
export interface KnownReply {
  readonly etag: string
  readonly size: number
  readonly started: number
  readonly edges: string
  readonly used: boolean
}

/** Names and values in turn; an empty list is an empty object in Lua's JSON. */
export type Flat = readonly string[] | Readonly<Record<string, never>>

export interface SeenReply {
  readonly version: number
  readonly networks: Flat
  readonly devices: Flat
  readonly flows: Flat
  readonly now: number
  readonly estimates?: {
    readonly networks: number
    readonly groups: number
    readonly asns: number
    readonly countries: number
    readonly devices: number
  }
}

export interface AdmitReply {
  readonly place: 'none' | 'held' | 'refused' | 'hold'
  readonly by?: 'downloads' | 'connections'
  readonly limit?: number
  readonly counted?: string
  readonly reserves?: boolean
  readonly known?: KnownReply
  readonly spent?: number
  readonly reserved?: number
  readonly first?: string
  readonly seen?: SeenReply
}

export interface ClaimReply {
  readonly outcome: 'claimed' | 'changed'
  /** There is no use left to reserve. */
  readonly isFull?: boolean
  readonly first?: string
  readonly reserves?: boolean
  readonly spent?: number
  readonly reserved?: number
  readonly seen?: SeenReply
  readonly new?: { readonly network: boolean; readonly device: boolean }
}
