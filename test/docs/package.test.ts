import { describe, expect, test } from 'vitest'
import * as sluice from '../../src/index.ts'
import { run } from '../support/child.ts'
import { startWorkspace } from './workspace.ts'

describe('the npm package', () => {
  test('has these names and no others', () => {
    expect(Object.keys(sluice).toSorted()).toEqual(['loadConfig', 'mintLink', 'startGateway'])
  })

  test('is used as examples/embed shows', async () => {
    const workspace = await startWorkspace()
    try {
      const { directory, env } = workspace
      // a second gateway beside the one of the workspace: its own ports and state
      const own = {
        ...env,
        SLUICE_SERVER__PORT: '0',
        SLUICE_ADMIN__PORT: '0',
        SLUICE_STATE__DIRECTORY: '../embedded',
      }
      const ended = await run('node', ['examples/embed/main.ts'], { cwd: directory, env: own })
      expect(ended).toMatchObject({ status: 0, stderr: expect.stringMatching(/^200 \d+ bytes\n$/) })
    } finally {
      await workspace.stop()
    }
  })
})
