import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EpochSeconds } from '../base/clock.ts'
import { valueAt } from './draft.ts'
import { readJson } from './json-file.ts'
import type { Jwk } from './key-schema.ts'
import { jwkPaths, type KeyMaterial, loadKeys } from './keys.ts'
import { createPrivateFile, makePrivateDirectory, replaceFile } from './private-file.ts'

/** A change of key files that cannot be made; the message is for the operator. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError'
}

/** Writes a key to its own file, `hmac-<kid>.json`, and returns the path. A known kid is refused. */
export function writeKey(directory: string, jwk: Jwk): string {
  makePrivateDirectory(directory)
  if (loadKeys(directory).keys.some((key) => key.kid === jwk.kid)) {
    throw new KeyFileError(`there is a key with the kid ${jwk.kid} already`)
  }
  const purpose = (jwk.schemes[0] ?? 'key').replace(/^sluice-/, '')
  const file = join(directory, `${purpose}-${jwk.kid}.json`)
  if (!createPrivateFile(file, asText(jwk))) throw new KeyFileError(`${file} is there already`)
  return file
}

/** Sets when a key stops working, in the file that holds it, and returns the path. */
export function retireKey(directory: string, kid: string, at: EpochSeconds): string {
  const key = loadKeys(directory).keys.find((candidate) => candidate.kid === kid)
  if (!key) throw new KeyFileError(`there is no usable key with the kid ${kid}`)
  if (!Number.isSafeInteger(at) || at < 0)
    throw new KeyFileError('retireAt is a time in epoch seconds')
  if (key.notBefore !== undefined && at <= key.notBefore) {
    throw new KeyFileError(
      `the key ${kid} may be used from ${key.notBefore} on and cannot retire before that`,
    )
  }
  const { data } = readJson(key.file, readFileSync(key.file, 'utf8'))
  const jwk = jwkPaths(data)
    .map((path) => valueAt(data, path) as Jwk)
    .find((candidate) => candidate.kid === kid)
  if (!jwk) throw new KeyFileError(`${key.file} changed meanwhile`)
  jwk.retireAt = at
  replaceFile(key.file, asText(data))
  return key.file
}

/** What may be shown of a key. */
export interface KeySummary extends Pick<
  KeyMaterial,
  'kid' | 'alg' | 'schemes' | 'notBefore' | 'retireAt' | 'file'
> {
  readonly maySign: boolean
}

/** The keys of a directory that are in order, by kid, without their secrets. */
export function listKeys(directory: string): KeySummary[] {
  return loadKeys(directory)
    .keys.map(({ secret, privateKey, publicKey: _public, publicJwk: _jwk, ...shown }) => ({
      ...shown,
      maySign: (secret ?? privateKey) !== undefined,
    }))
    .toSorted((a, b) => (a.kid < b.kid ? -1 : 1))
}

function asText(data: unknown): string {
  return `${JSON.stringify(data, null, 2)}\n`
}
