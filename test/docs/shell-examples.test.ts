import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { run } from '../support/child.ts'
import { needs } from '../support/programs.ts'
import { fencesOf, type Page, readPages } from './markdown.ts'
import { startWorkspace, type Workspace } from './workspace.ts'

interface Step {
  readonly script: string
  /** What it prints; `…` stands for anything. */
  readonly prints: string | undefined
}

/** Shell blocks marked `sh test`, each with the block marked `text expect` that follows it. */
function stepsOf(page: Page): Step[] {
  const fences = fencesOf(page)
  return fences.flatMap(({ language, info, body }, i) => {
    if (language !== 'sh' || info !== 'test') return []
    const next = fences[i + 1]
    const expects = next?.language === 'text' && next.info === 'expect'
    return [{ script: body, prints: expects ? next.body : undefined }]
  })
}

/** One shell for the whole page, so that a variable of one block is there in the next. */
function scriptOf(steps: readonly Step[], { localise }: Workspace): string {
  const blocks = steps.map(({ script }, i) => `{\n${localise(script)}} >printed.${i}\n`)
  return `set -euo pipefail\nsluice() { node_modules/.bin/node src/main.ts "$@"; }\n${blocks.join('')}`
}

/** `…` within a line is anything but its end; a line of its own is any number of lines. */
function patternOf(expected: string): RegExp {
  const lines = expected
    .trimEnd()
    .split('\n')
    .map((line) =>
      line === '…'
        ? '(?:.*\n)*?'
        : `${line
            .split('…')
            .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
            .join('.*')}\n`,
    )
  return new RegExp(`^${lines.join('')}$`)
}

describe('the shell examples', () => {
  for (const page of readPages()) {
    const steps = stepsOf(page)
    if (steps.length === 0) continue
    needs('curl', 'openssl')(
      `of ${page.path} print what the page says`,
      async () => {
        const workspace = await startWorkspace()
        try {
          const { directory, env, generalise } = workspace
          const script = join(directory, 'examples.sh')
          writeFileSync(script, scriptOf(steps, workspace))
          const { status, stderr } = await run('bash', [script], { cwd: directory, env })
          if (status !== 0) throw new Error(`exit status ${status}: ${stderr}`)
          for (const [i, { prints }] of steps.entries()) {
            const printed = generalise(readFileSync(join(directory, `printed.${i}`), 'utf8'))
            if (prints !== undefined) expect(printed).toMatch(patternOf(prints))
          }
        } finally {
          await workspace.stop()
        }
      },
      150_000,
    )
  }
})
