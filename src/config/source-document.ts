import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml'
import { type Finding, fileProblem, formatPath, type PathSegment, type Problem } from './problem.ts'

/** A YAML or JSON text with the place of every key and value. */
export class SourceDocument {
  readonly file: string
  /** The plain data; `undefined` when the syntax is broken. Duplicate keys leave the last value. */
  readonly data: unknown
  /** Syntax errors and duplicate keys. */
  readonly problems: readonly Problem[]
  readonly #root: Node | null
  readonly #lines = new LineCounter()

  constructor(file: string, text: string) {
    this.file = file
    const document = parse(text, this.#lines)
    this.#root = document?.contents ?? null
    const errors = [...(document?.errors ?? []), ...(document?.warnings ?? [])]
    const problems = errors.map((error) =>
      error.code === 'DUPLICATE_KEY'
        ? this.#problemAt(error.pos[0], this.#pathOfKey(error.pos[0]), 'duplicate key')
        : this.#problemAt(error.pos[0], [], `syntax: ${error.message}`),
    )
    const isBroken = errors.some((error) => error.code !== 'DUPLICATE_KEY')
    try {
      if (!isBroken && document) this.data = document.toJS() ?? {}
    } catch {
      problems.push(
        fileProblem(file, 'an alias (*name) refers to nothing, to itself, or expands too far'),
      )
    }
    if (!document) problems.push(fileProblem(file, 'is nested too deep'))
    this.problems = problems
  }

  /** Whether the text itself holds this path. */
  has(path: readonly PathSegment[]): boolean {
    return this.#descend(path).depth === path.length
  }

  /** Places a finding: at the key, at the value, or, when the path is missing, at the enclosing map. */
  locate(finding: Finding): Problem {
    const { node, key, depth } = this.#descend(finding.path)
    const target = finding.at === 'key' && depth === finding.path.length ? (key ?? node) : node
    return this.#problemAt(target?.range?.[0] ?? 0, finding.path, finding.message)
  }

  #problemAt(offset: number, path: readonly PathSegment[], message: string): Problem {
    const { line, col } = this.#lines.linePos(offset)
    return {
      source: this.file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      path: formatPath(path),
      message,
    }
  }

  #descend(path: readonly PathSegment[]): {
    node: Node | null
    key: Node | undefined
    depth: number
  } {
    let node = this.#resolve(this.#root)
    let key: Node | undefined
    let depth = 0
    for (const segment of path) {
      const next = stepInto(node, segment)
      if (!next) break
      key = next.key
      node = this.#resolve(next.value) ?? next.key ?? node
      depth++
    }
    return { node, key, depth }
  }

  #resolve(node: Node | null | undefined): Node | null {
    if (!isAlias(node)) return node ?? null
    let target: Node | null = null
    const { source } = node
    walk(this.#root, [], (candidate) => {
      if (!isAlias(candidate) && 'anchor' in candidate && candidate.anchor === source)
        target = candidate
    })
    return target
  }

  #pathOfKey(offset: number): readonly PathSegment[] {
    let found: readonly PathSegment[] = []
    walk(this.#root, [], (node, path) => {
      if (node.range?.[0] === offset) found = path
    })
    return found
  }
}

/** Undefined when the nesting exhausts the stack of the parser. */
function parse(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    return parseDocument(text, {
      lineCounter,
      prettyErrors: false,
      logLevel: 'silent',
      stringKeys: true,
    })
  } catch {
    return undefined
  }
}

function stepInto(
  node: Node | null,
  segment: PathSegment,
): { key?: Node; value: Node | null } | undefined {
  if (isSeq(node) && typeof segment === 'number') {
    const value = node.items[segment]
    return value === undefined ? undefined : { value: value as Node | null }
  }
  if (!isMap(node)) return undefined
  const pair = node.items.findLast(
    (item) => isScalar(item.key) && String(item.key.value) === String(segment),
  )
  return pair ? { key: pair.key as Node, value: pair.value as Node | null } : undefined
}

/** Visits every key and value with its path. */
function walk(
  node: Node | null,
  path: readonly PathSegment[],
  visit: (node: Node, path: readonly PathSegment[]) => void,
): void {
  if (!node) return
  visit(node, path)
  if (isSeq(node)) {
    for (const [i, item] of node.items.entries()) walk(item as Node | null, [...path, i], visit)
  } else if (isMap(node)) {
    for (const { key, value } of node.items) {
      const inner = [...path, isScalar(key) ? String(key.value) : '?']
      if (isScalar(key)) visit(key, inner)
      walk(value as Node | null, inner, visit)
    }
  }
}
