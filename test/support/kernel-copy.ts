import { test } from 'vitest'
import { KernelCopier } from '../../src/kernel-copy/kernel-copier.ts'
import type { DefineTest } from './programs.ts'
import { skippedFor } from './skipped-programs.ts'

const PACKAGE = 'sluice-kernel-copy'

/** The values of `server.kernelCopy`: suites of deliveries run over both. */
export const PATHS = ['auto', 'off'] as const
export type Path = (typeof PATHS)[number]

/** The copier of this process. */
export function copier(): KernelCopier {
  const loaded = KernelCopier.load()
  if (!loaded) throw new Error(`${PACKAGE} is missing: npm run install in native/ builds it`)
  return loaded
}

/**
 * `test` for what needs the addon when the kernel shall copy. Where it was not built the test is skipped
 * under a name that says so; with CI=true it fails.
 */
export function onPath(path: Path): DefineTest {
  const isMissing = path === 'auto' && !KernelCopier.load()
  const isSkipped = isMissing && process.env['CI'] !== 'true'
  const define = isSkipped ? test.skip : test
  return (title, body, timeoutMs) => {
    define(
      isSkipped ? skippedFor(title, [PACKAGE]) : title,
      () => {
        if (isMissing) throw new Error(`missing with CI=true: ${PACKAGE}`)
        return body()
      },
      timeoutMs,
    )
  }
}
