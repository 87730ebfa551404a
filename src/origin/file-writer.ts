import type { Dirent, Stats } from 'node:fs'
import { lstat, mkdir, open, readdir, realpath, rename, rm, stat, unlink } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { digestText } from '../base/bytes.ts'
import { GatewayError, isMissing } from '../base/failure.ts'
import { leadsNowhere, unreadable, unwritable } from './file-errors.ts'
import { isLookupName, isObjectName, STAGED } from './object-name.ts'
import type { StagedObject } from './writable-origin.ts'

/**
 * Puts files below one directory and takes them away. A new file is written beside its place and moved
 * there when it is whole: readers see the old object or the new one, and a crash leaves neither half.
 */
export class FileWriter {
  /** The root, free of links, with a separator behind it. */
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  async stage(name: string): Promise<StagedObject> {
    if (!isObjectName(name)) {
      throw new GatewayError('ERR_ORIGIN_WRITE', 'no object may have this name')
    }
    const { folder, file } = cut(name)
    const directory = await this.#makeDirectory(folder)
    const part = join(directory, STAGED + digestText(name).slice(0, 22))
    await removeUnlessFile(part)
    let isOver = false
    return {
      file: part,
      publish: () =>
        writing(async () => {
          await sync(part)
          // the way to the directory may have changed while the object was written
          const target = await this.#makeDirectory(folder)
          await rename(part, join(target, file))
          isOver = true
          await sync(target)
        }),
      discard: async () => {
        // the next stage of the name may be at work already
        if (isOver) return
        isOver = true
        await writing(() => rm(part, { force: true }))
      },
    }
  }

  async remove(name: string): Promise<boolean> {
    if ((await this.localFile(name)) === undefined) return false
    try {
      // a link goes, not what it leads to
      await unlink(this.#prefix + name)
      return true
    } catch (error) {
      if (isMissing(error)) return false
      throw unwritable(error as NodeJS.ErrnoException)
    }
  }

  async localFile(name: string): Promise<string | undefined> {
    if (!isLookupName(name)) return undefined
    const found = await this.#find(this.#prefix + name)
    return found?.stats.isFile() ? found.path : undefined
  }

  /**
   * The names of files, and of links that lead to a file below the root. Links to directories are not
   * followed: what lies there is named where it lies, and a ring of them has no end.
   */
  async *list(prefix: string): AsyncGenerator<string> {
    const folder = prefix.replace(/\/$/, '')
    if (folder !== '' && !isLookupName(folder)) return
    const start = await this.#find(this.#prefix + folder)
    if (!start?.stats.isDirectory()) return
    const waiting = [{ directory: start.path, prefix: folder === '' ? '' : `${folder}/` }]
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      for (const entry of await entriesOf(next.directory)) {
        const name = next.prefix + entry.name
        if (!isLookupName(name)) continue
        if (entry.isDirectory()) {
          waiting.push({ directory: join(next.directory, entry.name), prefix: `${name}/` })
        } else if (entry.isFile() || (await this.localFile(name)) !== undefined) yield name
      }
    }
  }

  /** The real path of a directory below the root, made where it was missing, one step at a time. */
  async #makeDirectory(folder: string): Promise<string> {
    return writing(async () => {
      let directory = this.#prefix
      for (const segment of folder === '' ? [] : folder.split('/')) {
        const next = join(directory, segment)
        await mkdir(next).catch(passIfThere)
        const found = await this.#find(next)
        if (!found) {
          throw new GatewayError('ERR_ORIGIN_WRITE', 'the directory lies outside the root')
        }
        directory = found.path
      }
      return directory
    })
  }

  /** What a path really leads to; undefined for nothing, and for a place outside the root. */
  async #find(path: string): Promise<{ readonly path: string; readonly stats: Stats } | undefined> {
    try {
      const real = await realpath(path)
      if (!(real + sep).startsWith(this.#prefix)) return undefined
      return { path: real, stats: await stat(real) }
    } catch (error) {
      if (leadsNowhere(error as NodeJS.ErrnoException)) return undefined
      throw unreadable(error as NodeJS.ErrnoException)
    }
  }
}

function cut(name: string): { readonly folder: string; readonly file: string } {
  const slash = name.lastIndexOf('/')
  return { folder: name.slice(0, Math.max(slash, 0)), file: name.slice(slash + 1) }
}

/** A leftover is gone on with only when it is a file of ours; a link there would be written through. */
async function removeUnlessFile(path: string): Promise<void> {
  await writing(async () => {
    const found = await lstat(path).catch(undefinedIfMissing)
    if (found && !found.isFile()) await rm(path, { recursive: true })
  })
}

/** What was written survives a loss of power. */
async function sync(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** A directory that went meanwhile has no entries. */
async function entriesOf(directory: string): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true })
  } catch (error) {
    if (leadsNowhere(error as NodeJS.ErrnoException)) return []
    throw unreadable(error as NodeJS.ErrnoException)
  }
}

async function writing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof GatewayError) throw error
    throw unwritable(error as NodeJS.ErrnoException)
  }
}

function passIfThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}

function undefinedIfMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error
}
