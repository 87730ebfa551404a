import { defineConfig } from 'vitest/config'

/** Suites of the public port that HTTP/1.1 over TLS and HTTP/2 must pass as plain HTTP/1.1 does. */
const OVER_TLS = [
  'answers',
  'carriers',
  'contract-rows',
  'elytron',
  'limits',
  'origin-failures',
  'paths',
  'ranges',
  'rate',
  'revoked-meanwhile',
  'tagging',
  'uses',
  'xvid',
].map((name) => `test/http/${name}.test.ts`)

/** Suites of many processes that promise something by the clock: they come last, when nothing else runs. */
const FLEETS = ['test/nodes/*.test.ts', 'test/workers/*.test.ts']

/** Thousands of unread connections: the kernel has so little memory for sockets left that others lose packets. */
const CROWDS = ['test/http/kernel-copy-crowd.test.ts']

/** Most tests wait for processes; one worker for each core but one would leave the machine idle. */
const SIDE_BY_SIDE = { maxWorkers: 3, sequence: { groupOrder: 0 } } as const
const BEHIND = { maxWorkers: 2, sequence: { groupOrder: 1 } } as const
const ALONE = { maxWorkers: 1, sequence: { groupOrder: 2 } } as const

function overTls(transport: 'tls' | 'h2') {
  return {
    extends: true as const,
    test: {
      name: transport,
      ...SIDE_BY_SIDE,
      include: OVER_TLS,
      globalSetup: 'test/support/tls-setup.ts',
      env: { SLUICE_TEST_TRANSPORT: transport },
    },
  }
}

export default defineConfig({
  test: {
    // many tests start real processes side by side, on machines of any speed
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    reporters: ['default', './test/support/skipped-programs.ts', './test/support/retried-tests.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'plain',
          ...SIDE_BY_SIDE,
          include: ['test/**/*.test.ts'],
          exclude: [...FLEETS, ...CROWDS],
        },
      },
      overTls('tls'),
      overTls('h2'),
      { extends: true, test: { name: 'fleet', ...BEHIND, include: [...FLEETS] } },
      { extends: true, test: { name: 'crowd', ...ALONE, include: CROWDS } },
    ],
  },
})
