import { formatPath, type Finding, type PathSegment, type Problem } from './problem.ts'
import type { Setting } from './settings.ts'
import type { SourceDocument } from './source-document.ts'

/** A file with the settings over it: the data that counts, and where each part of it came from. */
export class MergedSource {
  readonly data: unknown
  /** Settings that do not fit the data below them. */
  readonly problems: readonly Problem[]
  readonly #document: SourceDocument
  readonly #settings: readonly Setting[]

  /** Later settings win over earlier ones and over the file. */
  constructor(document: SourceDocument, settings: readonly Setting[]) {
    this.#document = document
    const data = structuredClone(document.data ?? {})
    const applied: Setting[] = []
    const problems: Problem[] = []
    for (const setting of settings) {
      if (write(data, setting.path, setting.value)) applied.push(setting)
      else problems.push(problemOf(setting, setting.path, 'there is no map or list to set this in'))
    }
    this.data = data
    this.problems = problems
    this.#settings = applied
  }

  locate(finding: Finding): Problem {
    const { path } = finding
    const setting =
      this.#settings.findLast((candidate) => isPrefix(candidate.path, path)) ??
      this.#makerOf(path) ??
      this.#makerOf(path.slice(0, -1))
    return setting ? problemOf(setting, path, finding.message) : this.#document.locate(finding)
  }

  /** The setting without which nothing would stand at a path. */
  #makerOf(path: readonly PathSegment[]): Setting | undefined {
    if (this.#document.has(path)) return undefined
    return this.#settings.findLast((candidate) => isPrefix(path, candidate.path))
  }
}

function problemOf(setting: Setting, path: readonly PathSegment[], message: string): Problem {
  return { source: setting.source, name: setting.name, path: formatPath(path), message }
}

function isPrefix(prefix: readonly PathSegment[], path: readonly PathSegment[]): boolean {
  return (
    prefix.length <= path.length &&
    prefix.every((segment, i) => String(segment) === String(path[i]))
  )
}

/** Sets a value, making the maps on the way; false if something else stands there. */
function write(data: unknown, path: readonly PathSegment[], value: unknown): boolean {
  let at = data
  for (const [i, segment] of path.entries()) {
    if (typeof at !== 'object' || at === null) return false
    if (Array.isArray(at) && !(typeof segment === 'number' && segment <= at.length)) return false
    const isLast = i === path.length - 1
    const existing = Object.hasOwn(at, segment)
      ? (at as Record<PathSegment, unknown>)[segment]
      : undefined
    const next = isLast ? value : (existing ?? {})
    // defineProperty: `__proto__` becomes an ordinary key, and the schema refuses it as unknown
    Object.defineProperty(at, segment, {
      value: next,
      writable: true,
      enumerable: true,
      configurable: true,
    })
    at = next
  }
  return true
}
