import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { copyName, ListCopy, removeCopies } from '../../../src/lists/list-copy.ts'
import { listConfig } from './list-config.ts'

const NAME = copyName('l', listConfig({ url: 'https://l.example/' }))
const VALIDATORS = { etag: '"1"', lastModified: null }
const AT = 1_800_000_000_000

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-copies-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true })
})

test('a copy gives back what was written, and when it was last current', async () => {
  const copy = new ListCopy(join(directory, 'lists'), NAME)
  expect(await copy.read()).toBeUndefined()
  expect(await copy.touch(AT)).toBe(false)
  const bytes = Buffer.from('\n192.0.2.1\n\xff', 'latin1')
  await copy.write(bytes, VALIDATORS, AT)
  const kept = await copy.read()
  expect(Buffer.from(kept?.bytes ?? [])).toEqual(bytes)
  expect(kept).toMatchObject({ validators: VALIDATORS, refreshedAt: AT })
  expect(await copy.touch(AT + 5000)).toBe(true)
  expect(await copy.read()).toMatchObject({ refreshedAt: AT + 5000 })
  expect(readdirSync(join(directory, 'lists'))).toEqual([NAME])
})

test.each(['', 'no line', 'no json\nrest'])('a file that holds %j is no copy', async (text) => {
  writeFileSync(join(directory, NAME), text)
  expect(await new ListCopy(directory, NAME).read()).toBeUndefined()
})

test('another URL or format is another copy', () => {
  const names = [
    listConfig({ url: 'https://l.example/' }),
    listConfig({ url: 'https://l.example/?key=2' }),
    listConfig({ url: 'https://l.example/', format: 'tor-exit' }),
  ].map((config) => copyName('l', config))
  expect(new Set(names).size).toBe(3)
  expect(names.join()).not.toContain('example')
})

test('copies of lists that are gone are removed, other files and writes under way are not', async () => {
  const gone = copyName('gone', listConfig({ url: 'https://l.example/' }))
  const abandoned = `${NAME}.${'a'.repeat(12)}`
  const beingWritten = `${NAME}.${'b'.repeat(12)}`
  for (const name of [NAME, gone, abandoned, beingWritten, 'notes.txt'])
    writeFileSync(join(directory, name), '')
  utimesSync(join(directory, abandoned), 1, 1)
  await removeCopies(directory, new Set([NAME]))
  expect(readdirSync(directory).toSorted()).toEqual([NAME, beingWritten, 'notes.txt'])
  await removeCopies(join(directory, 'never-made'), new Set())
})
