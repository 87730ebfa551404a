import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // many tests start real processes side by side, on machines of any speed
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // most tests wait for processes; one worker for each core but one would leave the machine idle
    maxWorkers: 3,
    reporters: ['default', './test/support/skipped-programs.ts', './test/support/retried-tests.ts'],
  },
})
