import { readFileSync, statSync } from 'node:fs'
import type { z } from 'zod'
import { readJson } from './json-file.ts'
import { fileProblem, type PathSegment, type Problem, reasonOf } from './problem.ts'
import { schemaFindings } from './schema-findings.ts'
import type { SourceDocument } from './source-document.ts'

interface OpenedJson {
  readonly document?: SourceDocument
  readonly data?: unknown
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
  readonly isMissing?: boolean
}

/** Opens a file that holds secrets or their hashes; one that others may read is worth a warning. */
export function openJson(file: string): OpenedJson {
  let text: string
  const warnings: Problem[] = []
  try {
    text = readFileSync(file, 'utf8')
    warnings.push(...worldReadable(file))
  } catch (error) {
    const reason = reasonOf(error)
    return {
      problems: [fileProblem(file, `cannot be read: ${reason}`)],
      warnings,
      isMissing: reason === 'ENOENT',
    }
  }
  const { document, data, problems } = readJson(file, text)
  return problems.length > 0 ? { problems, warnings } : { document, data, problems, warnings }
}

/** A warning for a file with a secret that every user of the machine may read; none for one that is not there. */
export function worldReadable(file: string): Problem[] {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0
  if (!(mode & 0o007)) return []
  const shown = (mode & 0o777).toString(8)
  return [fileProblem(file, `other users may read or change it (mode ${shown}); use 600`)]
}

/** What a schema found wrong, with its place in the file. */
export function placed(
  schema: z.core.$ZodType,
  data: unknown,
  error: z.core.$ZodError,
  document: SourceDocument,
  base: readonly PathSegment[],
): Problem[] {
  return schemaFindings(schema, data, error.issues).map((finding) =>
    document.locate({ ...finding, path: [...base, ...finding.path] }),
  )
}
