import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { reasonOf } from './problem.ts'

/** Makes a directory that only its owner may enter; an existing one stays as it is. */
export function makePrivateDirectory(directory: string): void {
  if (existsSync(directory)) return
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  chmodSync(directory, 0o700)
}

/**
 * Creates a file that only its owner may read, whole or not at all. False if the name is taken: an
 * existing file is never touched, not even by two processes that start at once.
 */
export function createPrivateFile(file: string, text: string): boolean {
  const temporary = writeTemporary(file, text, 0o600)
  try {
    linkSync(temporary, file)
    return true
  } catch (error) {
    const reason = reasonOf(error)
    if (reason === 'EEXIST') return false
    if (reason !== 'EPERM' && reason !== 'ENOTSUP' && reason !== 'ENOSYS') throw error
    // a file system without hard links
    if (existsSync(file)) return false
    renameSync(temporary, file)
    return true
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** Replaces a file's content at once; its mode stays. */
export function replaceFile(file: string, text: string): void {
  const temporary = writeTemporary(file, text, statSync(file).mode & 0o777)
  try {
    renameSync(temporary, file)
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** A dot file beside the target, so that key loading passes it over and the rename stays on one file system. */
function writeTemporary(file: string, text: string, mode: number): string {
  const temporary = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString('hex')}`)
  const handle = openSync(temporary, 'wx', mode)
  try {
    fchmodSync(handle, mode)
    writeFileSync(handle, text)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  return temporary
}
