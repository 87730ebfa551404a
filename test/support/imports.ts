import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path/posix'
import { isBuiltin } from 'node:module'

/** One import line of a source file. */
export interface Import {
  /** The file that imports, from the root of the sources: `link/grant.ts`. */
  readonly file: string
  /** What stands in the import: `../base/clock.ts`, `node:fs`, `koa`. */
  readonly specifier: string
  readonly line: number
  /** Nothing of it is left at run time. */
  readonly typesOnly: boolean
}

/** What the files of a folder may import besides Node's own modules and each other. */
interface LayerRule {
  readonly folders: readonly string[]
  /** Folders of which only types may be imported. */
  readonly types?: readonly string[]
  /** Packages, or a package with the one file that may have it. */
  readonly packages?: readonly (string | { readonly name: string; readonly only: string })[]
}

export type LayerTable = Readonly<Record<string, LayerRule>>

/** All TypeScript files below a folder by their path from there. */
export function readSources(root: string): Map<string, string> {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .toSorted()
  return new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
}

const STATEMENT =
  /^(?:import|export)\s+(?<what>(?:type\s+)?(?:[\w$*]|\{[^}]*\}|[\s,])*?)\s*from\s*(?<q>['"])(?<from>[^'"]+)\k<q>/gm
const SIDE_EFFECT = /^import\s*(?<q>['"])(?<from>[^'"]+)\k<q>/gm
const DYNAMIC = /\b(?:import|require)\(\s*(?<q>['"`])(?<from>[^'"`]+)\k<q>/g

/** The imports and re-exports of one file. */
export function importsOf(file: string, text: string): Import[] {
  const found: Import[] = []
  for (const pattern of [STATEMENT, SIDE_EFFECT, DYNAMIC]) {
    for (const { index, groups } of text.matchAll(pattern)) {
      found.push({
        file,
        specifier: groups?.['from'] ?? '',
        line: text.slice(0, index).split('\n').length,
        typesOnly: isTypesOnly(groups?.['what']),
      })
    }
  }
  return found
}

function isTypesOnly(what: string | undefined): boolean {
  if (what === undefined) return false
  if (/^type\s+[^,\s]/.test(what)) return true
  const names = /^\{([^}]*)\}$/
    .exec(what)?.[1]
    ?.split(',')
    .map((name) => name.trim())
  return names?.every((name) => name === '' || name.startsWith('type ')) ?? false
}

/** The folder of a file; a file at the root is its own. */
function layerOf(file: string): string {
  return file.split('/')[0] ?? file
}

function targetOf({ file, specifier }: Import): string | undefined {
  return specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : undefined
}

/** Each import that the table does not allow, as `file:line: why`. */
export function violations(sources: ReadonlyMap<string, string>, table: LayerTable): string[] {
  return [...sources].flatMap(([file, text]) =>
    importsOf(file, text).flatMap((found) => {
      const why = whyNot(found, table[layerOf(file)])
      return why === undefined ? [] : [`${file}:${found.line}: ${why}`]
    }),
  )
}

function whyNot(found: Import, rule: LayerRule | undefined): string | undefined {
  const { file, specifier, typesOnly } = found
  if (!rule) return `${layerOf(file)} is not in the table`
  const target = targetOf(found)
  if (target === undefined) return mayUsePackage(specifier, file, rule)
  if (!specifier.endsWith('.ts')) return `${specifier} does not end in .ts`
  if (target.startsWith('..')) return `${specifier} leads out of src`
  if (/(?:^|\/)index\.ts$/.test(target)) return `${specifier} is a barrel`
  const to = layerOf(target)
  if (to === layerOf(file) || rule.folders.includes('*') || rule.folders.includes(to)) {
    return undefined
  }
  if (rule.types?.includes(to)) {
    return typesOnly ? undefined : `${layerOf(file)} may import types of ${to} alone: ${specifier}`
  }
  return `${layerOf(file)} may not import ${to}: ${specifier}`
}

function mayUsePackage(specifier: string, file: string, rule: LayerRule): string | undefined {
  if (specifier.startsWith('node:')) return undefined
  if (isBuiltin(specifier)) return `write node:${specifier}`
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0]
  const entry = rule.packages?.find(
    (candidate) => (typeof candidate === 'string' ? candidate : candidate.name) === name,
  )
  if (entry === undefined) return `${layerOf(file)} may not use the package ${name}`
  if (typeof entry === 'string' || entry.only === file) return undefined
  return `only ${entry.only} may use the package ${name}`
}

/** Files that import each other in a ring, each ring once, by its run-time imports and its types. */
export function cycles(sources: ReadonlyMap<string, string>): string[] {
  const edges = new Map(
    [...sources].map(([file, text]) => [
      file,
      importsOf(file, text).flatMap((found) => targetOf(found) ?? []),
    ]),
  )
  return ringsOf(edges)
}

/** Folders that may import each other in a ring, by the table. */
export function tableCycles(table: LayerTable): string[] {
  return ringsOf(
    new Map(
      Object.entries(table)
        .filter(([, rule]) => !rule.folders.includes('*'))
        .map(([layer, { folders, types = [] }]) => [layer, [...folders, ...types]]),
    ),
  )
}

function ringsOf(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const rings: string[] = []
  const done = new Set<string>()
  const path: string[] = []
  const visit = (node: string): void => {
    const at = path.indexOf(node)
    if (at >= 0) {
      rings.push([...path.slice(at), node].join(' -> '))
      return
    }
    if (done.has(node)) return
    path.push(node)
    for (const next of edges.get(node) ?? []) visit(next)
    path.pop()
    done.add(node)
  }
  for (const node of edges.keys()) visit(node)
  return rings
}

/** Files other than `allowed` that do nothing but export what others hold. */
export function barrels(sources: ReadonlyMap<string, string>, allowed: string): string[] {
  return [...sources].flatMap(([file, text]) => {
    if (file === allowed) return []
    const code = text.replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '').trim()
    const rest = code.replaceAll(
      /^export\s+(?:type\s+)?(?:\*(?: as \w+)?|\{[^}]*\})\s+from\s.*$/gm,
      '',
    )
    return /(?:^|\/)index\.ts$/.test(file) || (code !== '' && rest.trim() === '') ? [file] : []
  })
}
