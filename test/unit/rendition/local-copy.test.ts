import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { copyObject } from '../../../src/rendition/local-copy.ts'
import { eventually } from '../../support/eventually.ts'
import { MemoryOrigin } from '../../support/memory-origin.ts'
import { openFilesBelow } from '../../support/open-files.ts'

const BYTES = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251))
const NEVER = new AbortController().signal

let directory: string
let file: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-copy-'))
  file = join(directory, 'copy')
})

afterEach(() => {
  rmSync(directory, { recursive: true })
})

function copy(origin: MemoryOrigin, maxBytes = 1e9, signal = NEVER): Promise<void> {
  return copyObject({ origin, name: 'a', file, maxBytes, signal })
}

describe('a copy of an object', () => {
  test.each([{ size: BYTES.length }, { size: undefined }])('has its bytes: %o', async (meta) => {
    const origin = new MemoryOrigin({ a: { bytes: BYTES, meta } }, { chunkSize: 999 })
    await copy(origin)
    expect(readFileSync(file).equals(BYTES)).toBe(true)
    expect(origin.openObjects).toBe(0)
  })

  test('of nothing is empty', async () => {
    await copy(new MemoryOrigin({ a: '' }))
    expect(readFileSync(file).length).toBe(0)
  })

  test('may be just as large as allowed', async () => {
    await copy(new MemoryOrigin({ a: BYTES }), BYTES.length)
    expect(readFileSync(file).length).toBe(BYTES.length)
  })

  test.each([{ size: BYTES.length }, { size: undefined }])(
    'is refused when it is larger than allowed: %o',
    async (meta) => {
      const origin = new MemoryOrigin({ a: { bytes: BYTES, meta } }, { chunkSize: 999 })
      await expect(copy(origin, BYTES.length - 1)).rejects.toThrow('larger than 99999 bytes')
      expect(origin.openObjects).toBe(0)
      expect(openFilesBelow(directory)).toBe(0)
    },
  )

  test('fails when there is no object', async () => {
    await expect(copy(new MemoryOrigin())).rejects.toThrow('the source object is missing')
  })

  test('fails with the origin', async () => {
    const origin = new MemoryOrigin({ a: BYTES })
    origin.failAfterBytes = 50_000
    await expect(copy(origin)).rejects.toThrow('told to fail')
    expect(origin.openObjects).toBe(0)
  })

  test('fails with the disk', async () => {
    const origin = new MemoryOrigin({ a: BYTES })
    file = directory
    await expect(copy(origin)).rejects.toThrow('EISDIR')
    expect(origin.openObjects).toBe(0)
  })

  test('ends when it is given up', async () => {
    const origin = new MemoryOrigin({ a: BYTES }, { chunkSize: 1 })
    const controller = new AbortController()
    const copied = copy(origin, 1e9, controller.signal)
    copied.catch(() => undefined)
    await eventually('the copy begun', () => openFilesBelow(directory) > 0)
    controller.abort()
    await expect(copied).rejects.toThrow('given up')
    expect(origin.openObjects).toBe(0)
    expect(openFilesBelow(directory)).toBe(0)
  })
})
