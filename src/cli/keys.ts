import type { Command } from 'commander'
import { secondsOf, systemClock } from '../base/clock.ts'
import { newKey, usualAlgorithm } from '../config/generate.ts'
import { listKeys, retireKey, writeKey } from '../config/key-files.ts'
import type { KeyAlgorithm } from '../config/key-schema.ts'
import { type ConfigOptions, withConfigOptions } from './config-options.ts'
import {
  attempt,
  checkKeyOptions,
  directoryOf,
  instant,
  type KeyOptions,
  withKeyOptions,
} from './key-options.ts'
import { keysAddCommand } from './keys-add.ts'
import { CommandError, type Output, paint } from './output.ts'

/** `sluice keys new|add|list|retire`: the key directory of the configuration. */
export function keysCommand(parent: Command, output: Output): void {
  const keys = parent
    .command('keys')
    .description('make, add, list and retire keys')
    .addHelpText('after', '\nExample:\n  sluice keys new --scheme sluice-hmac')
  withKeyOptions(keys.command('new'))
    .description('make a key; new links are signed with it from its not-before on')
    .option('--kid <id>', 'key id; default: the month and a random suffix')
    .addHelpText(
      'after',
      `
Examples:
  sluice keys new --scheme sluice-hmac
  sluice keys new --scheme sluice-jwt --alg ES256 --not-before 2027-01-01T00:00:00Z`,
    )
    .action((options: ConfigOptions & KeyOptions) => {
      attempt(() => {
        create(options, output)
      })
    })
  keysAddCommand(keys, output)
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

function create(options: ConfigOptions & KeyOptions, output: Output): void {
  const { scheme: schemes, kid } = options
  checkKeyOptions(options)
  const alg = (options.alg as KeyAlgorithm | undefined) ?? usualAlgorithm(schemes)
  if (alg === undefined) throw new CommandError(`--scheme: no key fits ${schemes.join(' and ')}`, 2)
  const notBefore = instant(options.notBefore, '--not-before')
  const jwk = newKey({
    alg,
    schemes,
    ...(kid !== undefined && { kid }),
    ...(notBefore !== undefined && { notBefore }),
  })
  output.print(`${jwk.kid}  ${writeKey(directoryOf(options), jwk)}`)
  output.tell('A running gateway takes it over on SIGHUP.')
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
