import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../support/sluice.ts'

/** A page of the repository, by its path in it. */
export interface Page {
  readonly path: string
  readonly text: string
}

/** A fenced block. `info` is what stands behind the language: `test`, `expect`, `file=sign.py`. */
export interface Fence {
  readonly language: string
  readonly info: string
  readonly body: string
}

const FOLDERS = ['.', 'docs', 'docs/decisions', 'examples', 'keys']

/** Every page that the repository shows. */
export function readPages(): Page[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => readPage(join(folder, name))),
  )
}

export function readPage(path: string): Page {
  return { path, text: readFileSync(join(ROOT, path), 'utf8') }
}

/** The fenced blocks of a page, in order. */
export function fencesOf({ text }: Page): Fence[] {
  return [...text.matchAll(/^```(\w*) ?(.*)\n((?:(?!```).*\n)*)```$/gm)].map(
    ([, language = '', info = '', body = '']) => ({ language, info, body }),
  )
}

/** The program that a page holds under a file name. */
export function programOf(page: Page, file: string): string {
  const fence = fencesOf(page).find(({ info }) => info === `file=${file}`)
  if (!fence) throw new Error(`${page.path} holds no ${file}`)
  return fence.body
}

/** The cells of every table row below a heading that begins with a name, down to the next heading. */
export function rowsBelow({ path, text }: Page, heading: string): string[][] {
  const [, below] = `\n${text}`.split(`\n${heading}\n`)
  if (below === undefined) throw new Error(`${path} has no ${heading}`)
  const [section = ''] = below.split(/\n#+ /)
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
}

/** What stands in backquotes, and nothing else of a cell. */
export function codesOf(cell: string | undefined): string[] {
  return [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
}

/** A page without its fenced blocks. */
export function proseOf({ text }: Page): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '')
}
