import { createReadStream } from 'node:fs'
import { pipeline, type Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { createGunzip } from 'node:zlib'
import { messageOf } from '../base/failure.ts'
import { type LoggedRequest, readLine } from './logged-request.ts'

/** More than any record has: a path ends at 8 KiB and the details are short. */
const MAX_LINE = 1024 * 1024
/** Unreadable lines that are named. */
const MAX_NAMED = 5

/** What the lines of all logs were. */
export interface LineCounts {
  records: number
  no_link: number
  no_client: number
  unreadable: number
  /** The first of them, as `file:line: why`. */
  readonly named: string[]
}

export const noLines = (): LineCounts => ({
  records: 0,
  no_link: 0,
  no_client: 0,
  unreadable: 0,
  named: [],
})

/** The bytes of a log file, unpacked where its name ends in `.gz`; `-` is standard input. */
export function openLog(name: string): Readable {
  if (name === '-') return process.stdin
  const file = createReadStream(name)
  if (!name.endsWith('.gz')) return file
  // what fails in the file destroys the unpacked stream, whose reader hears of it
  return pipeline(file, createGunzip(), () => undefined)
}

/** A log that is missing, a folder, or not packed as its name says. */
export class UnreadableLog extends Error {
  constructor(name: string, cause: unknown) {
    super(`${name}: ${messageOf(cause)}`, { cause })
    this.name = 'UnreadableLog'
  }
}

/** The requests of one log that a policy can judge; all lines are counted. */
export async function* readLog(
  name: string,
  open: (name: string) => AsyncIterable<Buffer>,
  counts: LineCounts,
): AsyncGenerator<LoggedRequest> {
  let number = 0
  for await (const line of linesOf(chunksOf(name, open))) {
    number++
    if (line.trim() === '') continue
    const read = line.length > MAX_LINE ? TOO_LONG : readLine(line)
    if (read.kind === 'unreadable') {
      counts.unreadable++
      if (counts.named.length < MAX_NAMED) counts.named.push(`${name}:${number}: ${read.why}`)
      continue
    }
    counts.records++
    if (read.kind === 'skipped') counts[read.why]++
    else yield read.request
  }
}

async function* chunksOf(
  name: string,
  open: (name: string) => AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  try {
    yield* open(name)
  } catch (cause) {
    throw new UnreadableLog(name, cause)
  }
}

const TOO_LONG = { kind: 'unreadable', why: 'is too long' } as const

/** Lines without their ends; of one that is too long only what shows that. */
async function* linesOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of bytes) {
    const lines = decoder.write(chunk).split('\n')
    lines[0] = rest + (lines[0] ?? '')
    rest = (lines.pop() ?? '').slice(0, MAX_LINE + 1)
    yield* lines
  }
  rest += decoder.end()
  if (rest !== '') yield rest
}
