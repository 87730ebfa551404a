import { hash, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from '../base/failure.ts'
import type { ListConfig } from './list-config.ts'

/** What the publisher calls a version of its list. */
export interface Validators {
  readonly etag: string | null
  readonly lastModified: string | null
}

interface KeptList {
  readonly bytes: Uint8Array
  readonly validators: Validators
  readonly refreshedAt: number
}

/** A name of `copyName`, or of a temporary file beside it. */
const OURS = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.[0-9a-f]{16}(\.[0-9a-f]{12})?$/
/** No write takes so long: a crash left the temporary file. */
const ABANDONED_MS = 3_600_000

/** The name of the copy of a list. Another URL or format is another list. */
export function copyName(name: string, { url = '', format }: ListConfig): string {
  return `${name}.${hash('sha256', JSON.stringify([url, format])).slice(0, 16)}`
}

/**
 * The last good content of a published list: a line of JSON with its validators, then the bytes as they
 * came. The time of the file is when the content was last known to be current.
 */
export class ListCopy {
  readonly #directory: string
  readonly #file: string

  constructor(directory: string, name: string) {
    this.#directory = directory
    this.#file = join(directory, name)
  }

  /** Undefined when there is none, or none that can be read. */
  async read(): Promise<KeptList | undefined> {
    try {
      const [content, { mtimeMs }] = await Promise.all([readFile(this.#file), stat(this.#file)])
      return decodeCopy(content, mtimeMs)
    } catch {
      return undefined
    }
  }

  /** Replaces the copy at once: a crash leaves the one of before. */
  async write(bytes: Uint8Array, validators: Validators, now: number): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const temporary = `${this.#file}.${randomBytes(6).toString('hex')}`
    try {
      await using handle = await open(temporary, 'wx', 0o600)
      await handle.writeFile([Buffer.from(`${JSON.stringify(validators)}\n`), bytes])
      await handle.utimes(now / 1000, now / 1000)
      await handle.sync()
      await rename(temporary, this.#file)
    } finally {
      await rm(temporary, { force: true })
    }
  }

  /** Notes that the content is still current; false when there is no copy. */
  async touch(now: number): Promise<boolean> {
    try {
      await utimes(this.#file, now / 1000, now / 1000)
      return true
    } catch {
      return false
    }
  }
}

/** Undefined when the file is no copy of a list. */
export function decodeCopy(content: Uint8Array, refreshedAt: number): KeptList | undefined {
  const end = content.indexOf(10)
  if (end < 0) return undefined
  try {
    const { etag, lastModified } = JSON.parse(
      Buffer.from(content.subarray(0, end)).toString(),
    ) as Record<string, unknown>
    const validators = { etag: textOf(etag), lastModified: textOf(lastModified) }
    return { bytes: content.subarray(end + 1), validators, refreshedAt }
  } catch {
    return undefined
  }
}

/** Removes the copies of lists that the configuration no longer has, and what crashes left. */
export async function removeCopies(directory: string, kept: ReadonlySet<string>): Promise<void> {
  try {
    for (const name of await readdir(directory)) {
      const [ours, temporary] = OURS.exec(name) ?? []
      if (ours === undefined || kept.has(name)) continue
      const file = join(directory, name)
      if (temporary === undefined || (await isAbandoned(file))) await rm(file, { force: true })
    }
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

async function isAbandoned(file: string): Promise<boolean> {
  try {
    return (await stat(file)).mtimeMs < Date.now() - ABANDONED_MS
  } catch {
    // renamed meanwhile: it was no longer temporary
    return false
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
