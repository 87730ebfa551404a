import { generateKeyPair, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Clock, type EpochSeconds, secondsOf } from '../base/clock.ts'
import { writeKey } from '../config/key-files.ts'
import { jwkSchema } from '../config/key-schema.ts'
import type { CreatedStreamKey, StreamKeys } from '../dialect/services.ts'
import { CLOUDFLARE_STREAM } from '../link/schemes/stream-token.ts'

/** As many as Cloudflare lets an account have. */
const MAX_KEYS = 1000

/** The name that `writeKey` gives to a file of these keys. */
const FILE = /^cloudflare-stream-([0-9a-f]{32})\.json$/

const generate = promisify(generateKeyPair)

/** Keys of the Stream API as files of the key directory, in force at once. */
export class FileStreamKeys implements StreamKeys {
  readonly #directory: string
  readonly #clock: Clock
  readonly #reload: () => Promise<boolean>

  constructor(directory: string, clock: Clock, reload: () => Promise<boolean>) {
    this.#directory = directory
    this.#clock = clock
    this.#reload = reload
  }

  async create(): Promise<CreatedStreamKey | undefined> {
    const { privateKey } = await generate('rsa', { modulusLength: 2048 })
    if (this.list().length >= MAX_KEYS) return undefined
    const id = randomBytes(16).toString('hex')
    const created = secondsOf(this.#clock)
    const jwk = { use: 'sig', kid: id, alg: 'RS256', ...privateKey.export({ format: 'jwk' }) }
    // notBefore makes it the newest key, the one that signs; `created` marks it as made here
    const kept = { ...jwk, schemes: [CLOUDFLARE_STREAM], notBefore: created, created }
    const file = writeKey(this.#directory, jwkSchema.parse(kept))
    if (!(await this.#reload())) {
      rmSync(file, { force: true })
      throw new Error('the configuration does not load, so no key was made')
    }
    const pem = privateKey.export({ type: 'pkcs1', format: 'pem' })
    return { id, created, pem: String(pem), jwk: JSON.stringify(jwk) }
  }

  list(): { readonly id: string; readonly created: EpochSeconds }[] {
    return readdirSync(this.#directory)
      .flatMap((name) => {
        const id = FILE.exec(name)?.[1]
        const created = id === undefined ? undefined : createdOf(join(this.#directory, name))
        return id === undefined || created === undefined ? [] : [{ id, created }]
      })
      .toSorted((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1))
  }

  async remove(id: string): Promise<boolean> {
    const name = `${CLOUDFLARE_STREAM}-${id}.json`
    const file = join(this.#directory, name)
    if (!FILE.test(name) || createdOf(file) === undefined) return false
    // a dot file is no key; it comes back when the key could not be put out of force
    const aside = join(this.#directory, `.${name}`)
    renameSync(file, aside)
    if (!(await this.#reload())) {
      renameSync(aside, file)
      throw new Error('the configuration does not load, so the key stays')
    }
    rmSync(aside)
    return true
  }
}

/** When this API made the key of a file; undefined when it did not, or when there is no such file. */
function createdOf(file: string): EpochSeconds | undefined {
  try {
    const { created } = JSON.parse(readFileSync(file, 'utf8')) as { created?: unknown }
    return Number.isSafeInteger(created) ? (created as EpochSeconds) : undefined
  } catch {
    return undefined
  }
}
