import { generateKeyPairSync, type JsonWebKey, randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '../base/bytes.ts'
import { type Clock, type EpochSeconds, systemClock } from '../base/clock.ts'
import { writeKey } from './key-files.ts'
import {
  ALGORITHM_NAMES,
  ALGORITHMS,
  type Jwk,
  jwkSchema,
  type KeyAlgorithm,
  TOKEN_SCOPES,
} from './key-schema.ts'
import { keyMaterial } from './key-material.ts'
import { loadKeys } from './keys.ts'
import { createPrivateFile, makePrivateDirectory } from './private-file.ts'
import { algorithmsOf, OWN_SCHEME_NAMES } from './scheme-names.ts'

/** As 32 characters of text. */
const FOREIGN_SECRET_BYTES = 24

export interface NewKeyOptions {
  readonly alg: KeyAlgorithm
  readonly schemes: readonly string[]
  /** Default: the month and six random hex digits, as `2026-11-a1b2c3`. */
  readonly kid?: string
  readonly notBefore?: EpochSeconds
}

/**
 * The algorithm of a key for all of these schemes: the first of the first scheme that fits. Undefined when
 * none does.
 */
export function usualAlgorithm(
  schemes: readonly string[],
  fits: (alg: KeyAlgorithm) => boolean = () => true,
): KeyAlgorithm | undefined {
  const [first = [], ...others] = schemes.map(algorithmsOf)
  return first
    .flatMap((name) => ALGORITHM_NAMES.find((alg) => alg === name) ?? [])
    .find((alg) => fits(alg) && others.every((algorithms) => algorithms.includes(alg)))
}

/** Makes a private key as a JWK. Throws `TypeError` when the algorithm does not fit the schemes. */
export function newKey(options: NewKeyOptions, clock: Clock = systemClock): Jwk {
  const { alg, schemes } = options
  if (!Object.hasOwn(ALGORITHMS, alg))
    throw new TypeError(`alg: expected one of ${Object.keys(ALGORITHMS).join(', ')}`)
  return keyOfMembers(newMembers(alg, schemes), options, clock)
}

/** Makes a JWK of the members of its kty. Throws `TypeError` when they are no key for the schemes. */
export function keyOfMembers(
  members: JsonWebKey,
  { alg, schemes, kid, notBefore }: NewKeyOptions,
  clock: Clock = systemClock,
): Jwk {
  const parsed = jwkSchema.safeParse({
    ...members,
    kid: kid ?? newKid(clock),
    alg,
    schemes: [...schemes],
    ...(notBefore !== undefined && { notBefore }),
  })
  if (!parsed.success)
    throw new TypeError(parsed.error.issues.map((issue) => issue.message).join('; '))
  const made = keyMaterial(parsed.data, '')
  if (!('kid' in made)) throw new TypeError(made.map((finding) => finding.message).join('; '))
  return parsed.data
}

function newKid(clock: Clock): string {
  return `${new Date(clock.now()).toISOString().slice(0, 7)}-${randomBytes(3).toString('hex')}`
}

function newMembers(alg: KeyAlgorithm, schemes: readonly string[]): JsonWebKey {
  const algorithm = ALGORITHMS[alg]
  switch (algorithm.kty) {
    case 'oct':
      return { kty: 'oct', k: newSecret(alg, algorithm.bytes, schemes).toString('base64url') }
    case 'RSA':
      return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
        format: 'jwk',
      })
    case 'EC':
      return generateKeyPairSync('ec', { namedCurve: algorithm.curve }).privateKey.export({
        format: 'jwk',
      })
    case 'OKP':
      return generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
    default:
      return algorithm satisfies never
  }
}

/** The secret of a foreign format is text: somebody enters it at the vendor's as well. */
function newSecret(alg: KeyAlgorithm, bytes: number, schemes: readonly string[]): Buffer {
  const isOurs = schemes.some((scheme) => OWN_SCHEME_NAMES.includes(scheme))
  if (isOurs || alg.endsWith('GCM')) return randomBytes(bytes)
  return Buffer.from(randomBytes(FOREIGN_SECRET_BYTES).toString('base64url'))
}

export interface EnsuredKeys {
  /** The files that were made, in order; empty from the second start on. */
  readonly created: readonly string[]
  /** Where the text of the generated admin token lies. */
  readonly adminTokenFile: string
}

/**
 * Makes at first start what is missing: a key for each native scheme and for tags, and an admin token
 * with all scopes. Keys whose files have problems are left alone, and no existing file is ever overwritten.
 */
export function ensureKeys(
  directory: string,
  tokensFile: string,
  clock: Clock = systemClock,
): EnsuredKeys {
  makePrivateDirectory(directory)
  const created: string[] = []
  const { keys, problems } = loadKeys(directory, tokensFile)
  for (const scheme of problems.length === 0 ? OWN_SCHEME_NAMES : []) {
    if (keys.some((key) => key.schemes.includes(scheme))) continue
    created.push(writeKey(directory, newKey({ alg: 'HS256', schemes: [scheme] }, clock)))
  }
  const adminTokenFile = join(directory, 'admin-token')
  if (!existsSync(tokensFile)) created.push(...createAdminToken(adminTokenFile, tokensFile))
  return { created, adminTokenFile }
}

/** A token text left by a start that was cut off in between is used, not replaced. */
function createAdminToken(textFile: string, tokensFile: string): string[] {
  const created: string[] = []
  if (createPrivateFile(textFile, `${randomBytes(32).toString('base64url')}\n`))
    created.push(textFile)
  const token = readFileSync(textFile, 'utf8').trim()
  const entry = { id: 'admin', sha256: sha256(token).toString('hex'), scopes: TOKEN_SCOPES }
  if (createPrivateFile(tokensFile, `${JSON.stringify([entry], null, 2)}\n`))
    created.push(tokensFile)
  return created
}
