import {
  type BigIntStats,
  close,
  constants,
  fstat,
  open,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs'
import { sep } from 'node:path'
import type { ByteSink, Transfer } from '../base/byte-sink.ts'
import { GatewayError, messageOf } from '../base/failure.ts'
import { leadsNowhere, unreadable } from './file-errors.ts'
import { FileTransfer, type OpenFile } from './file-transfer.ts'
import { FileWriter } from './file-writer.ts'
import { contentTypeOf, isLookupName } from './object-name.ts'
import type { MissingObject, ObjectMeta, ObjectRequest, OpenObject } from './origin.ts'
import type { StagedObject, WritableOrigin } from './writable-origin.ts'

/** Never waits for the writer of a FIFO, and never makes a terminal the process's own. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY

const MISSING_OBJECT: MissingObject = { state: 'missing' }

/** Files below one directory. Symbolic links are followed as long as they lead to a place below it. */
export class FileOrigin implements WritableOrigin {
  readonly kind = 'file'
  readonly #writer: FileWriter
  /** The root with a separator behind it. */
  readonly #prefix: string

  /** `root` is an absolute path; links in it are resolved once, here. Throws when it is no directory. */
  constructor(options: { readonly root: string }) {
    const root = realRoot(options.root)
    this.#prefix = root.endsWith(sep) ? root : root + sep
    this.#writer = new FileWriter(this.#prefix)
  }

  async open(request: ObjectRequest): Promise<OpenObject | MissingObject> {
    const { name, signal } = request
    if (!isLookupName(name)) return MISSING_OBJECT
    const path = this.#prefix + name
    const fd = await openFile(path)
    if (fd === undefined) return MISSING_OBJECT
    try {
      const stats = await statFile(fd)
      if (signal?.aborted) throw new GatewayError('ERR_CLIENT_ABORTED', 'the request was given up')
      // judged by the descriptor: a path may lead elsewhere between two looks
      if (stats.isFile() && this.#holds(fd, path, stats))
        return new FileObject(fd, metaOf(stats, name))
    } catch (error) {
      closeFile(fd)
      throw error
    }
    closeFile(fd)
    return MISSING_OBJECT
  }

  stage(name: string): Promise<StagedObject> {
    return this.#writer.stage(name)
  }

  remove(name: string): Promise<boolean> {
    return this.#writer.remove(name)
  }

  localFile(name: string): Promise<string | undefined> {
    return this.#writer.localFile(name)
  }

  list(prefix: string): AsyncIterable<string> {
    return this.#writer.list(prefix)
  }

  close(): void {
    // nothing is held between requests
  }

  /** Whether the open file lies below the root. */
  #holds(fd: number, path: string, stats: BigIntStats): boolean {
    try {
      if (process.platform === 'linux') {
        // the kernel's own path of the open file; the look reads no disk
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(this.#prefix)
      }
      const real = realpathSync(path)
      const there = statSync(real, { bigint: true })
      return real.startsWith(this.#prefix) && there.dev === stats.dev && there.ino === stats.ino
    } catch {
      return false
    }
  }
}

/** An open file: closed once, and not while a read runs. */
class FileObject implements OpenObject, OpenFile {
  readonly state = 'found'
  readonly meta: ObjectMeta
  readonly fd: number
  #transfer: FileTransfer | undefined
  #reads = 0
  #isClosing = false

  constructor(fd: number, meta: ObjectMeta) {
    this.fd = fd
    this.meta = meta
  }

  send(start: number, end: number, sink: ByteSink): Transfer {
    if (this.#isClosing) throw new Error('send() after close()')
    this.#transfer = new FileTransfer(this, start, end, sink)
    return this.#transfer
  }

  close(): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#transfer?.abort()
    if (this.#reads === 0) closeFile(this.fd)
  }

  onReadStart(): void {
    this.#reads++
  }

  onReadEnd(): void {
    if (--this.#reads === 0 && this.#isClosing) closeFile(this.fd)
  }
}

function realRoot(root: string): string {
  try {
    const real = realpathSync(root)
    if (statSync(real).isDirectory()) return real
  } catch (error) {
    throw new Error(`origin root ${root} cannot be used: ${messageOf(error)}`, { cause: error })
  }
  throw new Error(`origin root ${root} is not a directory`)
}

function openFile(path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    open(path, OPEN_FLAGS, (error, fd) => {
      if (!error) resolve(fd)
      else if (leadsNowhere(error)) resolve(undefined)
      else reject(unreadable(error))
    })
  })
}

function statFile(fd: number): Promise<BigIntStats> {
  return new Promise((resolve, reject) => {
    fstat(fd, { bigint: true }, (error, stats) => {
      if (error) reject(unreadable(error))
      else resolve(stats)
    })
  })
}

function closeFile(fd: number): void {
  // a read-only descriptor has nothing left to lose
  close(fd, () => {})
}

function metaOf(stats: BigIntStats, name: string): ObjectMeta {
  const parts = [stats.ino, stats.size, stats.mtimeNs].map((part) => part.toString(36))
  return {
    size: Number(stats.size),
    // a new file has another inode, a rewritten one another time: the tag stands for the bytes
    etag: `"${parts.join('-')}"`,
    lastModified: Number(stats.mtimeNs / 1_000_000_000n),
    contentType: contentTypeOf(name),
    contentEncoding: undefined,
    contentLanguage: undefined,
  }
}
