import { closeSync, constants, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import pino from 'pino'

/** Where lines of records go; flushed and closed at the end of the process. */
export interface AccessLog {
  /** Takes a line without its end. */
  write(line: string): void
  /** Opens the file anew, for log rotation. */
  reopen(): void
  close(): Promise<void>
}

/** Characters that are written at once: a write wakes a thread, which costs as much as ten lines. */
const BATCH = 64 * 1024
/** Milliseconds that a line waits at most. */
const PATIENCE_MS = 250

/**
 * Access records as JSON lines on standard output or in a file, written in batches off the request.
 * Throws when the file cannot be opened.
 */
export function openAccessLog(target: string, onError: (error: Error) => void): AccessLog {
  if (target !== 'stdout') tryToOpen(target)
  // batches are made here: the destination counts all that it holds anew with each write
  let lines: string[] = []
  let size = 0
  let timer: NodeJS.Timeout | undefined
  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (size === 0) return
    const batch = lines.join('')
    lines = []
    size = 0
    isWriting = true
    destination.write(batch)
  }
  // a destination that is told to open its file anew in the middle of a write, and then to end, never does
  let isWriting = false
  let wantsReopen = false
  const reopen = (): void => {
    wantsReopen = isWriting
    if (!isWriting) destination.reopen()
  }
  // in front of the destination's own
  process.on('exit', flush)
  const destination = pino.destination({
    dest: target === 'stdout' ? 1 : target,
    sync: false,
    mkdir: true,
    mode: 0o640,
    maxWrite: 2 * BATCH,
  })
  // a full disk must not take the downloads down
  // pino makes end() of a destination without a reader do nothing, so 'close' would never come
  let isGone = false
  destination.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') isGone = true
    isWriting = false
    onError(error)
  })
  destination.on('drain', () => {
    isWriting = false
    if (wantsReopen) reopen()
  })
  return {
    write: (line) => {
      lines.push(line, '\n')
      size += line.length + 1
      if (size >= BATCH) flush()
      else timer ??= setTimeout(flush, PATIENCE_MS)
    },
    reopen: () => {
      if (target === 'stdout') return
      flush()
      reopen()
    },
    close: () =>
      new Promise((resolve) => {
        process.off('exit', flush)
        wantsReopen = false
        flush()
        destination.once('close', resolve)
        destination.once('error', resolve)
        if (isGone) resolve()
        else destination.end()
      }),
  }
}

/** A destination that cannot open its file cannot be closed either, and ends the process when it writes. */
function tryToOpen(file: string): void {
  mkdirSync(dirname(file), { recursive: true })
  const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants
  try {
    closeSync(openSync(file, O_APPEND | O_CREAT | O_NONBLOCK | O_WRONLY, 0o640))
  } catch (error) {
    // a pipe whose reader is yet to come
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error
  }
}
