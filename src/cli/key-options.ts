import type { Command } from 'commander'
import { messageOf } from '../base/failure.ts'
import { jwkSchema } from '../config/key-schema.ts'
import { type ConfigOptions, loadRuntime, withConfigOptions } from './config-options.ts'
import { parseInstant } from './duration.ts'
import { CommandError } from './output.ts'

/** What is said of a key that comes. */
export interface KeyOptions {
  readonly scheme: readonly string[]
  readonly alg?: string
  readonly kid?: string
  readonly notBefore?: string
}

/** Adds the options that say what a key is for. */
export function withKeyOptions(command: Command): Command {
  return withConfigOptions(command)
    .option(
      '--scheme <name>',
      'link format that it signs and verifies; may be repeated',
      (text: string, before: string[]) => [...before, text],
      [] as string[],
    )
    .option('--alg <name>', "HS256, RS256, ES256 …; default: the format's first that fits")
    .option('--not-before <time>', 'active from this time on: epoch seconds or a date')
}

/** Refuses what cannot stand in a JWK, naming the flag. */
export function checkKeyOptions({ scheme, alg, kid }: KeyOptions): void {
  if (scheme.length === 0) throw new CommandError('--scheme: name at least one link format', 2)
  if (alg !== undefined) expectValid('--alg', jwkSchema.shape.alg, alg)
  for (const name of scheme) expectValid('--scheme', jwkSchema.shape.schemes.element, name)
  if (kid !== undefined) expectValid('--kid', jwkSchema.shape.kid, kid)
}

/** What a member of a JWK must be, said of the flag that sets it. */
function expectValid(
  flag: string,
  member: Pick<typeof jwkSchema.shape.alg | typeof jwkSchema.shape.kid, 'safeParse'>,
  value: string,
): void {
  const message = member.safeParse(value).error?.issues[0]?.message
  if (message !== undefined) throw new CommandError(`${flag}: ${message}`, 2)
}

/** The key directory of the configuration. */
export function directoryOf(options: ConfigOptions): string {
  const runtime = loadRuntime(options)
  runtime.close()
  return runtime.config.keys.directory
}

export function instant(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined
  const value = parseInstant(text)
  if (value === undefined) throw new CommandError(`${flag}: ${text} is not understood`, 2)
  return value
}

/** Key files speak in their own errors; here they are for the person. */
export function attempt(work: () => void): void {
  try {
    work()
  } catch (error) {
    throw error instanceof CommandError ? error : new CommandError(messageOf(error), 2)
  }
}
