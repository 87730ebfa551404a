import type { Reporter, TestModule } from 'vitest/node'

/** Prints at the end of a run which tests passed at a second try only: each is a bug to find. */
export default class RetriedTests implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) {
      for (const test of module.children.allTests('passed')) {
        if ((test.diagnostic()?.retryCount ?? 0) === 0) continue
        process.stdout.write(
          `passed at a second try: ${module.relativeModuleId} > ${test.fullName}\n`,
        )
      }
    }
  }
}
