import { parseDocument } from 'yaml'
import type { Problem } from './problem.ts'
import { SourceDocument } from './source-document.ts'

export interface JsonFile {
  readonly document: SourceDocument
  /** Undefined when there are problems. */
  readonly data: unknown
  readonly problems: readonly Problem[]
}

/**
 * Reads strict JSON (RFC 8259) with places. Unlike those of a parser, its messages quote nothing of
 * the text: key files hold secrets.
 */
export function readJson(file: string, text: string): JsonFile {
  const document = new SourceDocument(file, text)
  try {
    const data: unknown = JSON.parse(text)
    const repeated = document.problems.filter((problem) => problem.message === 'duplicate key')
    return { document, data: repeated.length === 0 ? data : undefined, problems: repeated }
  } catch {
    const place = placeOf(text, offsetOfError(text))
    return {
      document,
      data: undefined,
      problems: [{ source: file, ...place, path: '(file)', message: 'is not JSON' }],
    }
  }
}

/** Where the JSON flavour of YAML stops understanding; the end if it is more lenient than JSON. */
function offsetOfError(text: string): number {
  try {
    const [error] = parseDocument(text, {
      schema: 'json',
      prettyErrors: false,
      logLevel: 'silent',
    }).errors
    return error?.pos[0] ?? text.length
  } catch {
    return 0
  }
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 }
}
