import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readBody } from '../../../src/origin/http-origin.ts'
import { SourceClient } from '../../../src/task/source-client.ts'
import { SourceRule } from '../../../src/task/source-rule.ts'
import { writeBody } from '../../../src/task/write-body.ts'
import { SourceServer } from '../../support/source-server.ts'

let source: SourceServer

beforeAll(async () => {
  source = await SourceServer.start()
  source.files.set('/a', { content: Buffer.alloc(100_000) })
})

afterAll(() => source.stop())

test('a full disk is a failure of the origin that is written to', async () => {
  const client = new SourceClient(new SourceRule([source.host], () => true))
  const { signal } = new AbortController()
  const { response } = await client.get(new URL(source.url('/a')), {}, signal)
  const file = await open('/dev/full', constants.O_WRONLY)
  try {
    const body = readBody(response, undefined)
    await expect(
      writeBody({ body, file, maxBytes: Infinity, onBytes: () => undefined, signal }),
    ).rejects.toMatchObject({ code: 'ERR_ORIGIN_WRITE' })
  } finally {
    response.close()
    await file.close()
  }
})
