/** One thing that is wrong in a configuration, where an operator can find it. No message holds a secret. */
export interface Problem {
  /** The file's path, `environment` or `--set`. */
  readonly source: string
  /** The variable or setting, when the source is not a file. */
  readonly name?: string
  readonly line?: number
  readonly column?: number
  /** The setting, as `routes[0].policy`; `(file)` for the file as a whole. */
  readonly path: string
  readonly message: string
}

export type PathSegment = string | number

/** What a check found, before the place in a source is known. */
export interface Finding {
  readonly path: readonly PathSegment[]
  readonly message: string
  /** Whether the key or its value is wrong; the value if not given. */
  readonly at?: 'key' | 'value'
}

/** Prints `file:line:column: path: message`; `SLUICE_X: …` and `--set a.b: …` for the other sources. */
export function formatProblem(problem: Problem): string {
  const { source, name, path, message } = problem
  const text = `${path}: ${message}`
  if (source === 'environment') return `${name ?? source}: ${text}`
  if (source === '--set') return `${name === undefined ? source : `${source} ${name}`}: ${text}`
  return `${source}:${problem.line ?? 1}:${problem.column ?? 1}: ${text}`
}

export function formatPath(path: readonly PathSegment[]): string {
  let text = ''
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`
    else text += text ? `.${segment}` : segment
  }
  return text || '(file)'
}

/** A problem of a file as a whole: it is missing or cannot be read. */
export function fileProblem(source: string, message: string): Problem {
  return { source, line: 1, column: 1, path: '(file)', message }
}

/** Why a file could not be read, without its content. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'unknown error'
}
