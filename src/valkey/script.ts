import { createHash } from 'node:crypto'
import { messageOf } from '../base/failure.ts'
import type { Client } from './client.ts'

/** A Lua script that runs as one step on the server. All its keys share one hash tag. */
export interface Script {
  readonly name: string
  readonly lua: string
  /** How many keys it takes. */
  readonly keys: number
}

/** What a script or a command takes besides its keys. */
export type Argument = string | number | Buffer

const digests = new WeakMap<Script, string>()

/** Runs a script by its digest; a server that does not have it gets its text. */
export async function evaluate(
  client: Client,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  if (keys.length !== script.keys) {
    throw new TypeError(`${script.name} takes ${script.keys} keys, not ${keys.length}`)
  }
  const rest = [keys.length, ...keys, ...args]
  try {
    return await client.call('EVALSHA', [digestOf(script), ...rest])
  } catch (error) {
    if (!messageOf(error).startsWith('NOSCRIPT')) throw error
    return await client.call('EVAL', [script.lua, ...rest])
  }
}

function digestOf(script: Script): string {
  const known = digests.get(script)
  if (known !== undefined) return known
  const digest = createHash('sha1').update(script.lua).digest('hex')
  digests.set(script, digest)
  return digest
}
