import { statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectCommonHeaders } from '../support/answer-checks.ts'
import { type Reply, send } from '../support/http-client.ts'
import { parseMultipart } from '../support/multipart.ts'
import { ObjectServer } from '../support/object-server.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'
import {
  caseBody,
  CASE_SIZE,
  type CaseValidators,
  fillPlaceholders,
  type RangeCase,
  rangeCases,
} from '../unit/delivery/range-cases.ts'

const body = caseBody()
const LAST_MODIFIED = 1_700_000_000

let gateway: TestGateway
let full: ObjectServer
let simple: ObjectServer

beforeAll(async () => {
  const objects = new Map([['object.bin', body]])
  full = await ObjectServer.start(objects)
  simple = await ObjectServer.start(objects, { ignoresRange: true, refusesHead: true })
  gateway = await startTestGateway({
    files: { 'object.bin': body },
    config: {
      origins: {
        full: { type: 'http', url: full.url },
        simple: { type: 'http', url: simple.url },
      },
    },
    routes: ['library', 'full', 'simple'].map((origin) => ({
      path: `/${origin}/`,
      origin,
      schemes: ['sluice-hmac'],
    })),
  })
  utimesSync(join(gateway.root, 'object.bin'), LAST_MODIFIED, LAST_MODIFIED)
})

afterAll(async () => {
  await gateway.close()
  await full.stop()
  await simple.stop()
})

const origins = [
  { title: 'a file', origin: 'library' },
  { title: 'an origin with ranges and validators', origin: 'full' },
  { title: 'an origin that ignores Range and knows no HEAD', origin: 'simple' },
]

describe.each(origins)('$title', ({ origin }) => {
  let validators: CaseValidators
  let link: string

  beforeAll(async () => {
    link = gateway.sign(`/${origin}/object.bin`)
    const { headers } = await send(gateway, link, { method: 'HEAD' })
    const etag = headers.etag ?? ''
    expect(etag).toMatch(/^"[\x21\x23-\x7e]+"$/)
    const lastModified = Date.parse(headers['last-modified'] ?? '') / 1000
    expect(lastModified).toBe(LAST_MODIFIED)
    validators = { etag, lastModified }
  })

  test.each(rangeCases)('$method: $name is answered with $status', async (rule) => {
    const headers = Object.fromEntries(
      Object.entries(rule.headers).map(([name, value]) => [
        name,
        fillPlaceholders(value, validators),
      ]),
    )
    expectAnswer(await send(gateway, link, { method: rule.method, headers }), rule, validators)
  })
})

test('the table is the whole table', () => {
  expect(rangeCases.length).toBeGreaterThanOrEqual(220)
  expect(statSync(join(gateway.root, 'object.bin')).size).toBe(CASE_SIZE)
})

function expectAnswer(reply: Reply, rule: RangeCase, { etag, lastModified }: CaseValidators): void {
  const { status, headers } = reply
  expect({ status, range: headers['content-range'] }).toEqual({
    status: rule.status,
    range: rule.contentRange,
  })
  expectCommonHeaders(reply)
  expect(reply.isComplete).toBe(true)
  if (status === 412 || status === 416) {
    expect(headers['content-type']).toBe('application/problem+json')
    return
  }
  expect(headers['cache-control']).toBe('private, no-store')
  expect(headers.etag).toBe(etag)
  expect(Date.parse(headers['last-modified'] ?? '') / 1000).toBe(lastModified)
  if (status === 304) {
    expect(reply.body).toHaveLength(0)
    return
  }
  expect(headers['accept-ranges']).toBe('bytes')
  expect(headers['content-disposition']).toBe('attachment; filename="object.bin"')
  const length = Number(headers['content-length'])
  if (rule.method === 'HEAD') {
    expect({ length, sent: reply.body.length }).toEqual({ length: CASE_SIZE, sent: 0 })
    return
  }
  expect(length).toBe(reply.body.length)
  if (rule.ranges && rule.ranges.length > 1) {
    expect(headers['content-type']).toMatch(/^multipart\/byteranges; boundary=/)
    const parts = parseMultipart(headers['content-type'] ?? '', reply.body)
    expect(parts).toEqual(
      rule.ranges.map(([start, end]) => ({
        headers: {
          'content-type': 'application/octet-stream',
          'content-range': `bytes ${start}-${end - 1}/${CASE_SIZE}`,
        },
        body: body.subarray(start, end),
      })),
    )
    return
  }
  expect(headers['content-type']).toBe('application/octet-stream')
  const [start, end] = rule.ranges?.[0] ?? [0, CASE_SIZE]
  expect(reply.body.equals(body.subarray(start, end))).toBe(true)
}
