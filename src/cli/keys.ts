import type { Command } from 'commander'
import { secondsOf, systemClock } from '../base/clock.ts'
import { messageOf } from '../base/failure.ts'
import { newKey, type NewKeyOptions } from '../config/generate.ts'
import { listKeys, retireKey, writeKey } from '../config/key-files.ts'
import { jwkSchema } from '../config/key-schema.ts'
import { type ConfigOptions, loadRuntime, withConfigOptions } from './config-options.ts'
import { parseInstant } from './duration.ts'
import { CommandError, type Output, paint } from './output.ts'

interface NewOptions extends ConfigOptions {
  readonly scheme: readonly string[]
  readonly alg: string
  readonly kid?: string
  readonly notBefore?: string
}

/** `sluice keys new|list|retire`: the key directory of the configuration. */
export function keysCommand(parent: Command, output: Output): void {
  const keys = parent
    .command('keys')
    .description('make, list and retire keys')
    .addHelpText('after', '\nExample:\n  sluice keys new --scheme sluice-hmac')
  withConfigOptions(keys.command('new'))
    .description('make a key; new links are signed with it from its not-before on')
    .option(
      '--scheme <name>',
      'link format that it signs and verifies; may be repeated',
      (text: string, before: string[]) => [...before, text],
      [] as string[],
    )
    .option('--alg <name>', 'HS256, HS384, HS512, RS256, PS256, ES256 …', 'HS256')
    .option('--kid <id>', 'key id; default: the month and a random suffix')
    .option('--not-before <time>', 'active from this time on: epoch seconds or a date')
    .addHelpText(
      'after',
      `
Examples:
  sluice keys new --scheme sluice-hmac
  sluice keys new --scheme sluice-jwt --alg ES256 --not-before 2027-01-01T00:00:00Z`,
    )
    .action((options: NewOptions) => {
      attempt(() => {
        create(options, output)
      })
    })
  withConfigOptions(keys.command('list'))
    .description('list the keys, without their secrets')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  sluice keys list --json')
    .action((options: ConfigOptions & { readonly json?: boolean }) => {
      attempt(() => {
        list(options, output)
      })
    })
  withConfigOptions(keys.command('retire'))
    .description('let a key end: from then on it neither signs nor verifies')
    .argument('<kid>', 'key id')
    .option('--at <time>', 'epoch seconds or a date; default: now')
    .addHelpText(
      'after',
      '\nExample:\n  sluice keys retire 2026-11-a1b2c3 --at 2027-01-01T00:00:00Z',
    )
    .action((kid: string, options: ConfigOptions & { readonly at?: string }) => {
      attempt(() => {
        const at = instant(options.at, '--at') ?? secondsOf(systemClock)
        const file = retireKey(directoryOf(options), kid, at)
        output.print(`${kid} retires at ${new Date(at * 1000).toISOString()}  ${file}`)
        output.tell('A running gateway takes it over on SIGHUP.')
      })
    })
}

function create(options: NewOptions, output: Output): void {
  if (options.scheme.length === 0)
    throw new CommandError('--scheme: name at least one link format', 2)
  expectValid('--alg', jwkSchema.shape.alg, options.alg)
  for (const scheme of options.scheme) {
    expectValid('--scheme', jwkSchema.shape.schemes.element, scheme)
  }
  if (options.kid !== undefined) expectValid('--kid', jwkSchema.shape.kid, options.kid)
  const notBefore = instant(options.notBefore, '--not-before')
  const jwk = newKey({
    alg: options.alg as NewKeyOptions['alg'],
    schemes: options.scheme as NewKeyOptions['schemes'],
    ...(options.kid !== undefined && { kid: options.kid }),
    ...(notBefore !== undefined && { notBefore }),
  })
  output.print(`${jwk.kid}  ${writeKey(directoryOf(options), jwk)}`)
  output.tell('A running gateway takes it over on SIGHUP.')
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

function list(options: ConfigOptions & { readonly json?: boolean }, output: Output): void {
  const keys = listKeys(directoryOf(options))
  if (options.json === true) {
    output.print(JSON.stringify(keys, null, 2))
    return
  }
  const now = secondsOf(systemClock)
  for (const { kid, alg, schemes, notBefore, retireAt } of keys) {
    const state =
      now >= (retireAt ?? Infinity)
        ? paint('dim', 'retired')
        : now < (notBefore ?? 0)
          ? paint('yellow', 'waiting')
          : paint('green', 'active ')
    const until = retireAt === undefined ? '' : `  until ${new Date(retireAt * 1000).toISOString()}`
    output.print(`${state}  ${kid.padEnd(20)} ${alg.padEnd(6)} ${schemes.join(', ')}${until}`)
  }
}

function directoryOf(options: ConfigOptions): string {
  const runtime = loadRuntime(options)
  runtime.close()
  return runtime.config.keys.directory
}

function instant(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined
  const value = parseInstant(text)
  if (value === undefined) throw new CommandError(`${flag}: ${text} is not understood`, 2)
  return value
}

/** Key files speak in their own errors; here they are for the person. */
function attempt(work: () => void): void {
  try {
    work()
  } catch (error) {
    throw error instanceof CommandError ? error : new CommandError(messageOf(error), 2)
  }
}
