import { createWriteStream } from 'node:fs'
import type { ByteSink, Transfer } from '../base/byte-sink.ts'
import type { OpenObject, Origin } from '../origin/origin.ts'
import { TranscodeError } from './transcoder.ts'

export interface LocalCopy {
  readonly origin: Origin
  readonly name: string
  /** The file to write. */
  readonly file: string
  readonly maxBytes: number
  readonly signal: AbortSignal
}

/** Copies an object into a local file, for programs that read files. */
export async function copyObject({ origin, name, ...copy }: LocalCopy): Promise<void> {
  const object = await origin.open({ name, want: 'body', signal: copy.signal })
  if (object.state === 'missing') throw new TranscodeError('the source object is missing')
  try {
    await transfer(object, copy)
  } finally {
    object.close()
  }
}

function transfer(
  object: OpenObject,
  { file, maxBytes, signal }: Pick<LocalCopy, 'file' | 'maxBytes' | 'signal'>,
): Promise<void> {
  const size = object.meta.size ?? Infinity
  const tooLarge = new TranscodeError(`the source is larger than ${maxBytes} bytes`)
  if (size !== Infinity && size > maxBytes) return Promise.reject(tooLarge)
  return new Promise((resolve, reject) => {
    const output = createWriteStream(file)
    let copied = 0
    const stop = (error: Error): void => {
      signal.removeEventListener('abort', onAbort)
      running.abort()
      // not before the file is closed: it will be removed
      output.once('close', () => {
        reject(error)
      })
      output.destroy()
    }
    const onAbort = (): void => {
      stop(new TranscodeError('the work was given up'))
    }
    const sink: ByteSink = {
      write(chunk) {
        copied += chunk.length
        if (copied > maxBytes) {
          stop(tooLarge)
          return false
        }
        output.write(chunk, (error) => {
          if (!error) running.resume()
        })
        // the memory is read until the file has it
        return false
      },
      end() {
        signal.removeEventListener('abort', onAbort)
        output.once('finish', resolve)
        output.end()
      },
      fail: stop,
    }
    output.once('error', stop)
    const running: Transfer = object.send(0, size, sink)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
  })
}
