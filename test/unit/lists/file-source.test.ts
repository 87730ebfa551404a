import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { FileSource } from '../../../src/lists/file-source.ts'

test('a pipe in the place of the file is refused without waiting for a writer', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-pipe-'))
  onTestFinished(() => {
    rmSync(directory, { recursive: true })
  })
  const file = join(directory, 'l.netset')
  execFileSync('mkfifo', [file])
  expect(await new FileSource(file, 1000).read(0)).toEqual({
    outcome: 'failed',
    why: 'it is no regular file',
  })
})
