import { type FileHandle, open } from 'node:fs/promises'
import type { Command } from 'commander'
import { messageOf } from '../base/failure.ts'
import type { ByteReader } from '../tag/carrier.ts'
import { findTag } from '../tag/carriers.ts'
import { openTag, TAG_SCHEME, type TagKey } from '../tag/tag.ts'
import { type ConfigOptions, loadRuntime, withConfigOptions } from './config-options.ts'
import { CommandError, type Output, paint } from './output.ts'

interface TraceOptions extends ConfigOptions {
  readonly json?: boolean
}

/** What a file tells of the link that it was fetched with. */
interface Trace {
  readonly outcome: 'tagged' | 'untagged' | 'unproven'
  readonly detail: string | null
  readonly tag: {
    readonly link_id: string
    readonly subject: string | null
    readonly autograph_tag: string
    readonly time: number
    readonly kid: string
  } | null
}

/** `sluice trace FILE`: which link a file was fetched with, as its tag tells. */
export function traceCommand(parent: Command, output: Output): void {
  withConfigOptions(parent.command('trace'))
    .description('say which link a file was fetched with, if it carries a tag')
    .argument('<file>', 'a downloaded file: MP4, PDF or ZIP')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
A tag is easily stripped: it is no forensic watermark. One that is there proves that this gateway
made it for the link that it names; retired keys count.

Exit status: 0 a genuine tag, 1 no tag or one that proves nothing, 2 the file cannot be read.

Example:
  sluice trace copy.mp4`,
    )
    .action(async (path: string, options: TraceOptions) => {
      const runtime = loadRuntime(options)
      runtime.close()
      const keys = [...runtime.keys].filter((key) => key.schemes.has(TAG_SCHEME))
      const trace = await traceFile(path, keys)
      if (options.json === true) output.print(JSON.stringify(trace, null, 2))
      else for (const line of describe(trace)) output.print(line)
      process.exitCode = trace.outcome === 'tagged' ? 0 : 1
    })
}

async function traceFile(path: string, keys: readonly TagKey[]): Promise<Trace> {
  const sealed = await readTag(path)
  if (sealed === undefined) return { outcome: 'untagged', detail: null, tag: null }
  const opened = openTag(sealed, keys)
  if (opened.outcome === 'unproven') {
    return { outcome: 'unproven', detail: opened.why, tag: null }
  }
  const { linkId, subject, text, time } = opened.tag
  const tag = {
    link_id: linkId,
    subject: subject ?? null,
    autograph_tag: text,
    time,
    kid: opened.kid,
  }
  return { outcome: 'tagged', detail: null, tag }
}

async function readTag(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path)
    const stats = await file.stat()
    if (!stats.isFile()) throw new Error('it is not a file')
    return await findTag(readerOf(file, stats.size))
  } catch (error) {
    throw new CommandError(`${path} cannot be read: ${messageOf(error)}`, 2)
  }
}

function readerOf(file: FileHandle, size: number): ByteReader {
  return {
    size,
    async read(start, end) {
      const { bytesRead, buffer } = await file.read(
        Buffer.alloc(end - start),
        0,
        end - start,
        start,
      )
      if (bytesRead < end - start) throw new Error('it became shorter')
      return buffer
    },
  }
}

function* describe({ outcome, detail, tag }: Trace): Generator<string> {
  if (outcome === 'untagged') {
    yield paint('yellow', 'no tag')
    return
  }
  if (!tag) {
    yield `${paint('red', 'a tag that proves nothing')}  ${detail}`
    return
  }
  yield `link       ${tag.link_id}`
  if (tag.subject !== null) yield `subject    ${tag.subject}`
  yield `tag        ${tag.autograph_tag}`
  yield `time       ${new Date(tag.time * 1000).toISOString()}`
  yield `key        ${tag.kid}`
}
