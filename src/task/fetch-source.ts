import { open, stat } from 'node:fs/promises'
import { GatewayError, isMissing } from '../base/failure.ts'
import { readBody, type SizedBody } from '../origin/http-origin.ts'
import { isStrongTag, metaFromHead } from '../origin/http/object-meta.ts'
import type { ResponseHead } from '../origin/http/response-fields.ts'
import type { WritableOrigin } from '../origin/writable-origin.ts'
import type { SourceAnswer, SourceClient } from './source-client.ts'
import { sourceFilename } from './source-filename.ts'
import { type FetchedSource, TaskError } from './task.ts'
import { tooLarge, writeBody } from './write-body.ts'

export interface Fetching {
  readonly client: SourceClient
  readonly origin: WritableOrigin
  readonly url: URL
  /** The folder of the origin that the source is staged in, with a slash at its end. */
  readonly folder: string
  /** What an earlier attempt left. */
  readonly known: FetchedSource | undefined
  readonly maxBytes: number
  /** Writes down what is known; the bytes that it describes are written when it resolves. */
  readonly onSource: (source: FetchedSource) => Promise<void>
  readonly onBytes: (count: number, size: number | undefined) => void
  readonly signal: AbortSignal
}

/** Fetches a source into its stage, or the rest of it where the same bytes can be asked for. */
export async function fetchSource(fetching: Fetching): Promise<FetchedSource> {
  const { client, known, origin, signal, url } = fetching
  if (!known) return fetchAnew(fetching, await client.get(url, {}, signal))
  const { file } = await origin.stage(known.object)
  const present = await sizeOf(file)
  // every byte is there already, and nothing says so yet
  if (present === known.size) return { ...known, isComplete: true }
  if (known.etag === undefined || present === 0 || present > (known.size ?? Infinity)) {
    return fetchAnew(fetching, await client.get(url, {}, signal))
  }
  const range = { first: present, last: undefined }
  const answer = await client.get(url, { range, ifRange: known.etag }, signal)
  const { status, etag } = answer.response.head
  if (status === 200) return fetchAnew(fetching, answer)
  const rest = status === 206 && etag === known.etag ? readRest(answer, range) : undefined
  try {
    if (rest && (known.size === undefined || rest.size === known.size)) {
      return await fetchInto(fetching, file, known, rest)
    }
  } finally {
    answer.response.close()
  }
  // an answer to another question than the one that was asked: the source is not what it was
  return fetchAnew(fetching, await client.get(url, {}, signal))
}

async function fetchAnew(fetching: Fetching, answer: SourceAnswer): Promise<FetchedSource> {
  const { folder, known, maxBytes, onSource, origin } = fetching
  const { url, response } = answer
  try {
    const body = readWhole(answer)
    if ((body.size ?? 0) > maxBytes) throw tooLarge(maxBytes)
    const filename = sourceFilename(response.head, url)
    const { etag } = metaFromHead(response.head, filename, body.size)
    const source: FetchedSource = {
      object: folder + filename,
      filename,
      ...(isStrongTag(etag) && { etag }),
      ...(body.size !== undefined && { size: body.size }),
      isComplete: false,
    }
    if (known) await (await origin.stage(known.object)).discard()
    const { file } = await origin.stage(source.object)
    await (await open(file, 'w', 0o600)).close()
    await onSource(source)
    return await fetchInto(fetching, file, source, body)
  } finally {
    response.close()
  }
}

/** Only a body that came to its end, and to the length that it announced, is complete. */
async function fetchInto(
  { maxBytes, onBytes, signal }: Fetching,
  path: string,
  source: FetchedSource,
  body: SizedBody,
): Promise<FetchedSource> {
  const file = await open(path, 'r+')
  try {
    const size = await writeBody({
      body,
      file,
      maxBytes,
      onBytes: (count) => {
        onBytes(count, body.size)
      },
      signal,
    })
    await file.sync()
    return { ...source, size, isComplete: true }
  } finally {
    await file.close()
  }
}

function readWhole({ response }: SourceAnswer): SizedBody {
  const { status } = response.head
  if (status !== 200) throw new TaskError(`The source answered with status ${status}`)
  refuseCoded(response.head)
  return readBody(response, undefined)
}

/** Undefined for a range that is not the one that was asked for. */
function readRest(
  { response }: SourceAnswer,
  range: { readonly first: number; readonly last: undefined },
): SizedBody | undefined {
  try {
    refuseCoded(response.head)
    const body = readBody(response, range)
    return body.size === undefined ? undefined : body
  } catch (error) {
    if (error instanceof GatewayError || error instanceof TaskError) return undefined
    throw error
  }
}

/** Bytes in a coding that was not asked for are none of the file. */
function refuseCoded({ contentEncoding = '' }: ResponseHead): void {
  if (contentEncoding === '' || contentEncoding.toLowerCase() === 'identity') return
  throw new TaskError('The source sends the file in a content coding that was not asked for')
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (isMissing(error)) return 0
    throw error
  }
}
