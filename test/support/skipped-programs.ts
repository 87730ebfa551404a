import type { Reporter, TestModule } from 'vitest/node'

/** The name of a test that is skipped for want of programs. */
export function skippedFor(title: string, missing: readonly string[]): string {
  return `${title} [no ${missing.join(', ')}]`
}

/** How many tests each missing program cost, by the names that `skippedFor` gave them. */
export function countSkips(names: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) {
    const missing = / \[no ([a-z0-9, -]+)\]$/.exec(name)?.[1]?.split(', ') ?? []
    for (const program of missing) counts.set(program, (counts.get(program) ?? 0) + 1)
  }
  return counts
}

/** Prints at the end of a run which programs were missing, and what that cost. */
export default class SkippedPrograms implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests('skipped')].map(({ name }) => name),
    )
    for (const [program, count] of countSkips(skipped)) {
      process.stdout.write(`${count} skipped: ${program} is missing (npm run setup:test)\n`)
    }
  }
}
