import { readdirSync, readFileSync } from 'node:fs'
import { join, parse } from 'node:path'
import { checkPolicy, doubtfulPolicy, type PolicySurroundings } from './check-policy.ts'
import { givenName } from './fields.ts'
import { type PolicyConfig, policySchema } from './policy-schema.ts'
import { type Finding, fileProblem, type Problem, reasonOf } from './problem.ts'
import { schemaFindings } from './schema-findings.ts'
import { SourceDocument } from './source-document.ts'

export interface LoadedPolicies {
  /** The policies that are in order. */
  readonly policies: ReadonlyMap<string, PolicyConfig>
  /** Every name that has a file, in order or not; undefined if the directory cannot be read. */
  readonly names: readonly string[] | undefined
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
  /** Why the directory cannot be read. */
  readonly unreadable?: string
}

const EXTENSIONS = new Set(['.yaml', '.yml', '.json'])

/** Loads each policy of a directory under the name of its file. */
export function loadPolicies(directory: string, surroundings: PolicySurroundings): LoadedPolicies {
  let files: string[]
  try {
    files = readdirSync(directory).toSorted()
  } catch (error) {
    const unreadable = reasonOf(error)
    return { policies: new Map(), names: undefined, problems: [], warnings: [], unreadable }
  }
  const policies = new Map<string, PolicyConfig>()
  const names = new Set<string>()
  const problems: Problem[] = []
  const warnings: Problem[] = []
  for (const base of files) {
    const { name, ext } = parse(base)
    if (!EXTENSIONS.has(ext) || name.startsWith('.')) continue
    const file = join(directory, base)
    if (names.has(name))
      problems.push(fileProblem(file, `there is another file for the policy ${name}`))
    if (!givenName.safeParse(name).success)
      problems.push(fileProblem(file, 'the name of the file is no policy name'))
    names.add(name)
    const loaded = loadPolicy(file, surroundings)
    problems.push(...loaded.problems)
    warnings.push(...loaded.warnings)
    if (loaded.policy) policies.set(name, loaded.policy)
  }
  return { policies, names: [...names], problems, warnings }
}

/** One policy file. */
export interface LoadedPolicy {
  /** Undefined when there are problems. */
  readonly policy?: PolicyConfig
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}

/** Loads one policy file; problems are located in it. */
export function loadPolicy(file: string, surroundings: PolicySurroundings): LoadedPolicy {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return { problems: [fileProblem(file, `cannot be read: ${reasonOf(error)}`)], warnings: [] }
  }
  const document = new SourceDocument(file, text)
  const { data } = document
  if (data === undefined) return { problems: document.problems, warnings: [] }
  const result = policySchema.safeParse(data)
  const located = (findings: Iterable<Finding>): Problem[] =>
    [...findings].map((finding) => document.locate(finding))
  const problems = [
    ...document.problems,
    ...located(result.success ? [] : schemaFindings(policySchema, data, result.error.issues)),
    ...located(checkPolicy(data, surroundings)),
  ]
  const warnings = located(doubtfulPolicy(data, surroundings))
  return problems.length === 0 && result.success
    ? { policy: result.data, problems, warnings }
    : { problems, warnings }
}
