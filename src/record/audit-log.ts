import { createHash } from 'node:crypto'
import {
  appendFileSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { isMissing } from '../base/failure.ts'

/** Who changed what through the admin API. */
export interface AuditEntry {
  /** The id of the admin token. */
  readonly actor: string
  readonly action: string
  /** What was changed, without secrets. */
  readonly target: Readonly<Record<string, unknown>>
}

interface AuditLine extends AuditEntry {
  readonly seq: number
  readonly time: string
  readonly prev: string
  readonly hash: string
}

const FIRST_PREVIOUS = '0'.repeat(64)

/**
 * An append-only file of JSON lines. Each line carries the SHA-256 of its own content and of the line
 * before, so that a missing, changed or moved line shows.
 */
export class AuditLog {
  readonly #file: string
  readonly #now: () => number
  #seq = 0
  #previous = FIRST_PREVIOUS

  constructor(file: string, now: () => number) {
    this.#file = file
    this.#now = now
    mkdirSync(dirname(file), { recursive: true })
    const text = readIfThere(file)
    const last = lastLine(text)
    if (last) {
      this.#seq = last.seq
      this.#previous = last.hash
    }
    // a process that died while writing left half a line: it stays, visible to `check --audit`
    if (text !== '' && !text.endsWith('\n')) appendFileSync(file, '\n')
  }

  /** Writes one entry; on disk when this returns. */
  append(entry: AuditEntry): void {
    const content = {
      seq: this.#seq + 1,
      time: new Date(this.#now()).toISOString(),
      ...entry,
      prev: this.#previous,
    }
    const hash = hashOf(content)
    const descriptor = openSync(this.#file, 'a', 0o600)
    try {
      writeSync(descriptor, `${JSON.stringify({ ...content, hash })}\n`)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    this.#seq++
    this.#previous = hash
  }
}

/** Every break of the chain in an audit file, as `line N: what`. */
export function checkAudit(file: string): { entries: number; problems: string[] } {
  const problems: string[] = []
  const lines = readFileSync(file, 'utf8').split('\n')
  if (lines.at(-1) === '') lines.pop()
  let previous = FIRST_PREVIOUS
  let seq = 0
  for (const [i, line] of lines.entries()) {
    const entry = parseLine(line)
    if (!entry) {
      problems.push(`line ${i + 1}: not an audit record`)
      continue
    }
    const { hash, ...content } = entry
    // the line must be what was written: of two members of one name a parser shows but one
    if (hashOf(content) !== hash || JSON.stringify(entry) !== line)
      problems.push(`line ${i + 1}: the content was changed`)
    if (entry.prev !== previous) problems.push(`line ${i + 1}: does not follow the line before`)
    if (entry.seq !== seq + 1) problems.push(`line ${i + 1}: number ${entry.seq} follows ${seq}`)
    previous = hash
    seq = entry.seq
  }
  return { entries: lines.length, problems }
}

function hashOf(content: object): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}

function parseLine(line: string): AuditLine | undefined {
  try {
    const value = JSON.parse(line) as Partial<AuditLine>
    return typeof value.hash === 'string' && typeof value.seq === 'number'
      ? (value as AuditLine)
      : undefined
  } catch {
    return undefined
  }
}

function lastLine(text: string): AuditLine | undefined {
  const lines = text.split('\n')
  for (let i = lines.length - 1; i >= 0; i--) {
    const entry = parseLine(lines[i] ?? '')
    if (entry) return entry
  }
  return undefined
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (isMissing(error)) return ''
    throw error
  }
}
