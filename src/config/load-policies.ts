import { readdirSync, readFileSync } from 'node:fs'
import { join, parse } from 'node:path'
import { checkPolicy } from './check-policy.ts'
import { givenName } from './fields.ts'
import { type PolicyConfig, policySchema } from './policy-schema.ts'
import { fileProblem, type Problem, reasonOf } from './problem.ts'
import { schemaFindings } from './schema-findings.ts'
import { SourceDocument } from './source-document.ts'

export interface LoadedPolicies {
  /** The policies that are in order. */
  readonly policies: ReadonlyMap<string, PolicyConfig>
  /** Every name that has a file, in order or not; undefined if the directory cannot be read. */
  readonly names: readonly string[] | undefined
  readonly problems: readonly Problem[]
  /** Why the directory cannot be read. */
  readonly unreadable?: string
}

const EXTENSIONS = new Set(['.yaml', '.yml', '.json'])

/** Loads each policy of a directory under the name of its file. */
export function loadPolicies(directory: string, listNames: readonly string[]): LoadedPolicies {
  let files: string[]
  try {
    files = readdirSync(directory).toSorted()
  } catch (error) {
    return { policies: new Map(), names: undefined, problems: [], unreadable: reasonOf(error) }
  }
  const policies = new Map<string, PolicyConfig>()
  const names = new Set<string>()
  const problems: Problem[] = []
  for (const base of files) {
    const { name, ext } = parse(base)
    if (!EXTENSIONS.has(ext) || name.startsWith('.')) continue
    const file = join(directory, base)
    if (names.has(name))
      problems.push(fileProblem(file, `there is another file for the policy ${name}`))
    if (!givenName.safeParse(name).success)
      problems.push(fileProblem(file, 'the name of the file is no policy name'))
    names.add(name)
    const loaded = loadPolicy(file, listNames)
    problems.push(...loaded.problems)
    if (loaded.policy) policies.set(name, loaded.policy)
  }
  return { policies, names: [...names], problems }
}

/** Loads one policy file; `policy` is undefined when there are problems. */
function loadPolicy(
  file: string,
  listNames: readonly string[],
): { readonly policy?: PolicyConfig; readonly problems: readonly Problem[] } {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return { problems: [fileProblem(file, `cannot be read: ${reasonOf(error)}`)] }
  }
  const document = new SourceDocument(file, text)
  if (document.data === undefined) return { problems: document.problems }
  const result = policySchema.safeParse(document.data)
  const findings = [
    ...(result.success ? [] : schemaFindings(policySchema, document.data, result.error.issues)),
    ...checkPolicy(document.data, listNames),
  ]
  const problems = [...document.problems, ...findings.map((finding) => document.locate(finding))]
  return problems.length === 0 && result.success ? { policy: result.data, problems } : { problems }
}
