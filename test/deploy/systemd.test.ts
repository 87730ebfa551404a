import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { run } from '../support/child.ts'
import { needs, program } from '../support/programs.ts'
import { ROOT } from '../support/sluice.ts'

const UNIT = join(ROOT, 'deploy/systemd/sluice.service')

describe('deploy/systemd/sluice.service', () => {
  needs('systemd-analyze')('is a unit that systemd takes without a warning', async () => {
    const ended = await run(program('systemd-analyze'), ['verify', '--man=no', UNIT])
    expect(ended).toMatchObject({ status: 0, stderr: '' })
  })

  test('waits longer than a gateway drains', () => {
    const seconds = /^TimeoutStopSec=(\d+)$/m.exec(readFileSync(UNIT, 'utf8'))?.[1]
    expect(Number(seconds)).toBeGreaterThan(30)
  })
})
