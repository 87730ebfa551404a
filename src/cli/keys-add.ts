import { isUtf8 } from 'node:buffer'
import type { JsonWebKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { messageOf } from '../base/failure.ts'
import { keyOfMembers, usualAlgorithm } from '../config/generate.ts'
import {
  fitsAlgorithm,
  membersOfPem,
  membersOfSecret,
  SECRET_ENCODINGS,
  type SecretEncoding,
} from '../config/import-key.ts'
import { writeKey } from '../config/key-files.ts'
import type { KeyAlgorithm } from '../config/key-schema.ts'
import type { ConfigOptions } from './config-options.ts'
import {
  attempt,
  checkKeyOptions,
  directoryOf,
  instant,
  type KeyOptions,
  withKeyOptions,
} from './key-options.ts'
import { CommandError, type Output } from './output.ts'

interface AddOptions extends ConfigOptions, KeyOptions {
  readonly kid: string
  readonly pem?: string
  readonly encoding: string
}

/** `sluice keys add`: a key that somebody else made, as the secret or the PEM file of a vendor. */
export function keysAddCommand(keys: Command, output: Output): void {
  withKeyOptions(keys.command('add'))
    .description("write a vendor's key as a JWK: a secret from standard input, or a PEM file")
    .requiredOption('--kid <id>', 'key id, as links of the format name it')
    .option(
      '--encoding <name>',
      `how the secret is written: ${SECRET_ENCODINGS.join(', ')}`,
      'utf8',
    )
    .option('--pem <file>', 'PEM file with a private key, a public key or a certificate')
    .addHelpText(
      'after',
      `
A line end behind the secret is not part of it.

Examples:
  sluice keys add --scheme bunny --kid zone-1 < secret.txt
  sluice keys add --scheme cloudfront-url --kid K2JCJMDEHXQW5F --pem private_key.pem`,
    )
    .action((options: AddOptions) => {
      attempt(() => {
        add(options, output)
      })
    })
}

function add(options: AddOptions, output: Output): void {
  const { kid, pem, scheme: schemes } = options
  checkKeyOptions(options)
  const members = pem === undefined ? readSecret(options.encoding) : readPem(pem)
  const alg =
    (options.alg as KeyAlgorithm | undefined) ??
    usualAlgorithm(schemes, (candidate) => fitsAlgorithm(members, candidate))
  if (alg === undefined) {
    const what = [members.kty, members.crv].filter((part) => part !== undefined).join(' ')
    throw new CommandError(`--scheme: ${schemes.join(', ')} cannot use a key of kty ${what}`, 2)
  }
  const notBefore = instant(options.notBefore, '--not-before')
  const jwk = keyOfMembers(members, {
    alg,
    schemes,
    kid,
    ...(notBefore !== undefined && { notBefore }),
  })
  output.print(`${jwk.kid}  ${writeKey(directoryOf(options), jwk)}`)
  output.tell('A running gateway takes it over on SIGHUP.')
}

function readSecret(encoding: string): JsonWebKey {
  if (!isEncoding(encoding)) {
    throw new CommandError(`--encoding: expected one of ${SECRET_ENCODINGS.join(', ')}`, 2)
  }
  if (process.stdin.isTTY) {
    throw new CommandError(
      'the secret comes on standard input, as in `sluice keys add … < FILE`: typed in, it would stand on the screen',
      2,
    )
  }
  const bytes = readFileSync(0)
  const text = bytes.toString().replace(/\r?\n$/, '')
  const members = isUtf8(bytes) ? membersOfSecret(text, encoding) : undefined
  if (!members) throw new CommandError(`standard input holds no secret in ${encoding}`, 2)
  return members
}

function readPem(file: string): JsonWebKey {
  let pem: string
  try {
    pem = readFileSync(file, 'utf8')
  } catch (error) {
    throw new CommandError(`--pem: ${messageOf(error)}`, 2)
  }
  const members = membersOfPem(pem)
  if (!members) {
    throw new CommandError(`--pem: ${file} holds no key that can be read without a passphrase`, 2)
  }
  return members
}

function isEncoding(name: string): name is SecretEncoding {
  return (SECRET_ENCODINGS as readonly string[]).includes(name)
}
