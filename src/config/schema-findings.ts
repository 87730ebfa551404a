import type { z } from 'zod'
import { valueAt } from './draft.ts'
import type { Finding, PathSegment } from './problem.ts'
import { fieldNamesAt } from './schema-shape.ts'
import { didYouMean } from './suggestion.ts'

type Issue = z.core.$ZodIssue

/** What a schema finds wrong in data, with suggestions for misspelt keys. */
export function schemaFindings(
  schema: z.core.$ZodType,
  data: unknown,
  issues: readonly Issue[],
): Finding[] {
  const findings: Finding[] = []
  for (const issue of issues) collect(schema, data, issue, [], findings)
  return findings
}

function collect(
  schema: z.core.$ZodType,
  data: unknown,
  issue: Issue,
  base: readonly PathSegment[],
  findings: Finding[],
): void {
  const path = [
    ...base,
    ...issue.path.map((segment) => (typeof segment === 'number' ? segment : String(segment))),
  ]
  if (issue.code === 'unrecognized_keys') {
    const known = fieldNamesAt(schema, data, path)
    for (const key of issue.keys) {
      findings.push({
        path: [...path, key],
        at: 'key',
        message: `unknown key${didYouMean(key, known)}`,
      })
    }
    return
  }
  if (issue.code === 'invalid_key') {
    findings.push({ path, at: 'key', message: issue.issues[0]?.message ?? issue.message })
    return
  }
  const branch = issue.code === 'invalid_union' ? fittingBranch(issue.errors) : undefined
  if (branch) {
    for (const inner of branch) collect(schema, data, inner, path, findings)
    return
  }
  const isMissing = valueAt(data, path) === undefined && !issue.message.startsWith('is required')
  findings.push({ path, message: isMissing ? 'is required' : plainMessage(issue.message) })
}

/** The branch of a union that the value was meant for: of the same kind, with the fewest complaints. */
function fittingBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const weight = (branch: readonly Issue[]): number =>
    branch.reduce(
      (sum, issue) => sum + (issue.path.length === 0 && issue.code.startsWith('invalid') ? 100 : 1),
      0,
    ) +
    (branch.some((issue) => issue.code === 'invalid_type' && issue.path.length === 0) ? 1000 : 0)
  return branches.toSorted((a, b) => weight(a) - weight(b))[0]
}

function plainMessage(message: string): string {
  return message.replace(/^Invalid (?:input|option): /, '').replace(/^Too (?:small|big): /, '')
}
