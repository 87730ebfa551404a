import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ListCopy } from '../../../src/lists/list-copy.ts'
import type { ListReading } from '../../../src/lists/list-source.ts'
import { UrlSource } from '../../../src/lists/url-source.ts'

const URL_OF_LIST = 'https://l.example/list?key=1'
const AT = 1_800_000_000_000

let directory: string
let asked: { url: string; headers: Record<string, string> }[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-url-source-'))
  asked = []
})

afterEach(() => {
  vi.unstubAllGlobals()
  rmSync(directory, { recursive: true })
})

/** What each fetch gets, one after the other. */
function answers(...given: readonly (Response | Error)[]): void {
  const left = [...given]
  vi.stubGlobal('fetch', (url: URL, { headers }: { headers: Record<string, string> }) => {
    asked.push({ url: url.href, headers })
    const next = left.shift() ?? new Error('asked too often')
    return next instanceof Response ? Promise.resolve(next) : Promise.reject(next)
  })
}

const redirect = (location: string): Response =>
  new Response(null, { status: 302, headers: { location } })

const source = (leastSeconds = 0): UrlSource =>
  new UrlSource({
    url: URL_OF_LIST,
    headers: { authorization: 'Bearer k' },
    maxBytes: 1000,
    leastSeconds,
    copy: new ListCopy(directory, 'copy'),
    warn: (message) => {
      throw new Error(message)
    },
  })

async function accept(reading: ListReading, at: number): Promise<void> {
  if (reading.outcome !== 'read') throw new Error(`the list is ${reading.outcome}`)
  await reading.content.accepted(at)
}

test.each([
  ['http://l.example/list', 'it redirects from https: to http:'],
  ['file:///etc/passwd', 'it redirects from https: to file:'],
  ['https://user:secret@l.example/', 'it redirects from https: to https:'],
  ['http://[', 'it redirects to no URL'],
])('a redirect to %s is not followed', async (location, why) => {
  answers(redirect(location))
  expect(await source().read(AT)).toEqual({ outcome: 'failed', why })
  expect(asked).toHaveLength(1)
})

test('headers go along to the same site, and to no other, not even on the way back', async () => {
  answers(
    redirect('/other'),
    redirect('https://else.example/'),
    redirect(URL_OF_LIST),
    new Response('192.0.2.1\n'),
  )
  expect(await source().read(AT)).toMatchObject({ outcome: 'read' })
  const known = { authorization: 'Bearer k' }
  expect(asked.map(({ headers }) => headers)).toEqual([known, known, {}, {}])
})

test('the validators outlive a restart, and a list that is asked too soon is as old as it was', async () => {
  answers(new Response('192.0.2.1\n', { headers: { etag: '"1"' } }))
  await accept(await source().read(AT), AT)
  const again = source(3600)
  const kept = await again.restore()
  expect(kept?.refreshedAt).toBe(AT)
  await kept?.accepted(AT)
  expect(await again.read(AT + 3_599_000)).toEqual({ outcome: 'unchanged', at: AT })
  expect(asked).toHaveLength(1)
  answers(new Response(null, { status: 304 }))
  expect(await again.read(AT + 3_600_000)).toEqual({ outcome: 'unchanged', at: AT + 3_600_000 })
  expect(asked.at(-1)?.headers['if-none-match']).toBe('"1"')
})

test('what was not accepted leaves no validators: it is asked for in whole again', async () => {
  answers(new Response('nonsense', { headers: { etag: '"1"' } }), new Response('192.0.2.1\n'))
  const list = source()
  await list.read(AT)
  await list.read(AT)
  expect(asked[1]?.headers).toEqual({ authorization: 'Bearer k' })
})

test('an answer that takes too long is called that, and no reason holds the URL', async () => {
  answers(
    new DOMException('The operation was aborted', 'TimeoutError'),
    new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') }),
  )
  const list = source()
  expect(await list.read(AT)).toEqual({ outcome: 'failed', why: 'no whole answer within 120 s' })
  expect(await list.read(AT)).toEqual({ outcome: 'failed', why: 'connect ECONNREFUSED' })
})
