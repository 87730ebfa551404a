import { createSecretKey, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { findTag } from '../../src/tag/carriers.ts'
import { openTag, type TagKey } from '../../src/tag/tag.ts'
import { expectCommonHeaders, expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { type Reply, send } from '../support/http-client.ts'
import { parseMultipart } from '../support/multipart.ts'
import { ObjectServer } from '../support/object-server.ts'
import { box, film, libraryFile, MemoryFile, pdfCatalogue } from '../support/taggable-files.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const FILM = film(box('mdat', randomBytes(200_000)))
const FILES = {
  'film.mp4': FILM,
  'guide.pdf': libraryFile('guide.pdf'),
  'bundle.zip': libraryFile('bundle.zip'),
}
const SIZE = FILM.length

let gateway: TestGateway
let full: ObjectServer
let simple: ObjectServer
let links = 0

beforeAll(async () => {
  const objects = new Map(Object.entries(FILES))
  full = await ObjectServer.start(objects)
  simple = await ObjectServer.start(objects, { ignoresRange: true, refusesHead: true })
  gateway = await startTestGateway({
    files: {
      ...FILES,
      'note.txt': 'a note',
      'broken.mp4': FILM.subarray(0, -1),
      'broken.zip': 'no archive',
    },
    config: {
      origins: { full: { type: 'http', url: full.url }, simple: { type: 'http', url: simple.url } },
    },
    routes: [
      { path: '/files/', origin: 'library', schemes: ['sluice-hmac', 'sluice-jwt'] },
      { path: '/full/', origin: 'full', schemes: ['sluice-hmac'] },
      { path: '/simple/', origin: 'simple', schemes: ['sluice-hmac'] },
    ],
  })
})

afterAll(async () => {
  await gateway.close()
  await full.stop()
  await simple.stop()
})

const IAT = Math.floor(Date.now() / 1000) - 5

function taggedLink(path: string, more: Readonly<Record<string, string | number>> = {}): string {
  return gateway.sign(path, {
    jti: `link-${String(++links).padStart(4, '0')}`,
    iat: IAT,
    autograph_tag: 'copy 12',
    ...more,
  })
}

const part = (link: string, range: string, more: Record<string, string> = {}): Promise<Reply> =>
  send(gateway, link, { headers: { range, ...more } })

async function whole(link: string): Promise<Reply> {
  const reply = await send(gateway, link)
  expect(reply.status).toBe(200)
  return reply
}

function tagKeys(): TagKey[] {
  const directory = join(gateway.directory, 'keys')
  return readdirSync(directory)
    .filter((name) => name.startsWith('tag-'))
    .map((name) => {
      const { kid, k } = JSON.parse(readFileSync(join(directory, name), 'utf8')) as {
        kid: string
        k: string
      }
      return { kid, verifyKey: createSecretKey(Buffer.from(k, 'base64url')) }
    })
}

async function tagIn(bytes: Buffer): Promise<unknown> {
  const sealed = await findTag(new MemoryFile(bytes))
  const opened = sealed === undefined ? undefined : openTag(sealed, tagKeys())
  return opened?.outcome === 'genuine' ? opened.tag : opened
}

describe.each(['files', 'full', 'simple'])('from the origin of /%s/', (origin) => {
  const path = `/${origin}/film.mp4`
  let link: string
  let bytes: Buffer
  let etag: string

  beforeAll(async () => {
    link = taggedLink(path)
    const reply = await whole(link)
    bytes = reply.body
    etag = reply.headers.etag ?? ''
  })

  test('a download is the object with the tag of its link', async () => {
    expect(bytes.subarray(0, SIZE).equals(FILM)).toBe(true)
    const linkId = new URL(link, gateway.url).searchParams.get('jti')
    expect(await tagIn(bytes)).toEqual({ linkId, subject: undefined, text: 'copy 12', time: IAT })
  })

  test('the head and the length are those of the tagged bytes', async () => {
    const reply = await whole(link)
    expectCommonHeaders(reply)
    expect(reply.isComplete).toBe(true)
    expect(Number(reply.headers['content-length'])).toBe(bytes.length)
    expect(reply.headers['content-type']).toBe('video/mp4')
    const head = await send(gateway, link, { method: 'HEAD' })
    const { 'content-length': length, 'last-modified': modified } = head.headers
    expect([head.status, Number(length), head.headers.etag]).toEqual([200, bytes.length, etag])
    expect(modified).toBe(reply.headers['last-modified'])
  })

  test.each([
    ['the beginning', 0, 10],
    ['the last byte of the object', SIZE - 1, SIZE],
    ['across the end of the object', SIZE - 20, SIZE + 20],
    ['the tag alone', SIZE, undefined],
    ['the middle of the tag', SIZE + 30, SIZE + 40],
    ['all but the first byte', 1, undefined],
  ])('a range is a slice of the whole: %s', async (_, start, end = bytes.length) => {
    const reply = await part(link, `bytes=${start}-${end - 1}`)
    expect(reply.status).toBe(206)
    expect(reply.headers['content-range']).toBe(`bytes ${start}-${end - 1}/${bytes.length}`)
    expect(reply.headers.etag).toBe(etag)
    expect(reply.body.equals(bytes.subarray(start, end))).toBe(true)
  })

  test.each([1, 20, 5000])('the last %i bytes end with the tag', async (length) => {
    const reply = await part(link, `bytes=-${length}`)
    expect(reply.status).toBe(206)
    expect(reply.body.equals(bytes.subarray(-length))).toBe(true)
  })

  test('several ranges come in one answer', async () => {
    const ranges = [
      [5, 15],
      [SIZE - 5, SIZE + 5],
      [bytes.length - 9, bytes.length],
    ] as const
    const asked = ranges.map(([start, end]) => `${start}-${end - 1}`).join(',')
    const reply = await part(link, `bytes=${asked}`)
    expect(reply.status).toBe(206)
    const parts = parseMultipart(reply.headers['content-type'] ?? '', reply.body)
    expect(parts.map(({ body }) => body)).toEqual(ranges.map((range) => bytes.subarray(...range)))
  })

  test('a range behind the tag cannot be had', async () => {
    const reply = await part(link, `bytes=${bytes.length}-`)
    expect(reply.status).toBe(416)
    expect(reply.headers['content-range']).toBe(`bytes */${bytes.length}`)
  })

  test('ranges that are fetched apart and at once make up one file', async () => {
    const step = Math.ceil(bytes.length / 8)
    const starts = Array.from({ length: 8 }, (_, i) => i * step)
    const replies = await Promise.all(
      starts.map((start) => part(link, `bytes=${start}-${start + step - 1}`, { 'if-range': etag })),
    )
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([206]))
    expect(Buffer.concat(replies.map(({ body }) => body)).equals(bytes)).toBe(true)
  })

  test('another link has another entity tag, so neither continues the download of the other', async () => {
    const other = taggedLink(path)
    const plain = gateway.sign(path, { jti: `plain-${origin}` })
    const etags = [
      etag,
      (await whole(other)).headers.etag ?? '',
      (await whole(plain)).headers.etag ?? '',
    ]
    expect(new Set(etags).size).toBe(3)
    expect((await part(link, 'bytes=5-9', { 'if-range': etag })).status).toBe(206)
    for (const foreign of etags.slice(1)) {
      const reply = await part(link, 'bytes=5-9', { 'if-range': foreign })
      expect(reply.status).toBe(200)
      expect(reply.body.equals(bytes)).toBe(true)
    }
    const same = await send(gateway, link, { headers: { 'if-none-match': etag } })
    expect(same.status).toBe(304)
    const changed = await send(gateway, link, { headers: { 'if-none-match': etags[1] } })
    expect(changed.status).toBe(200)
  })
})

describe('two links', () => {
  test.each(Object.entries(FILES))('of %s differ only in the tag', async (name, original) => {
    const [one, two] = [
      (await whole(taggedLink(`/files/${name}`))).body,
      (await whole(taggedLink(`/files/${name}`))).body,
    ]
    expect(one.equals(two)).toBe(false)
    expect(one).toHaveLength(two.length)
    expect(one.subarray(0, original.length).equals(two.subarray(0, original.length))).toBe(true)
    expect((await tagIn(one)) as object).toMatchObject({ text: 'copy 12' })
    expect(await tagIn(one)).not.toEqual(await tagIn(two))
  })

  test('without a tag in one of them: it delivers the object as it is', async () => {
    const reply = await whole(gateway.sign('/files/bundle.zip', { jti: 'plain' }))
    expect(reply.body.equals(FILES['bundle.zip'])).toBe(true)
    expect(reply.headers.etag).not.toContain('-t')
  })
})

describe('a tag', () => {
  test('names the subject, and the expiry where the link has no time of issue', async () => {
    const Expires = Math.floor(Date.now() / 1000) + 500
    const link = gateway.sign('/files/film.mp4', {
      jti: 'untimed',
      subject: 'ålice',
      autograph_tag: 'ß',
      Expires,
    })
    expect(await tagIn((await whole(link)).body)).toEqual({
      linkId: 'untimed',
      subject: 'ålice',
      text: 'ß',
      time: Expires,
    })
  })

  test('leaves a document whose catalogue is where it was', async () => {
    const { body } = await whole(taggedLink('/files/guide.pdf'))
    expect(pdfCatalogue(body)).toBe(pdfCatalogue(FILES['guide.pdf']))
  })

  test('has its length patched where an archive says it, in ranges too', async () => {
    const original = FILES['bundle.zip']
    const link = taggedLink('/files/bundle.zip')
    const { body } = await whole(link)
    expect(body.readUInt16LE(original.length - 2)).toBe(body.length - original.length)
    for (const start of [original.length - 3, original.length - 2, original.length - 1]) {
      const reply = await part(link, `bytes=${start}-${start}`)
      expect(reply.body).toEqual(body.subarray(start, start + 1))
    }
  })

  test('counts as part of the file: a one-time link is used up by all of it', async () => {
    const link = taggedLink('/files/film.mp4', { multi_use: 'false' })
    expect((await whole(link)).body.length).toBeGreaterThan(SIZE)
    expectProblem(await send(gateway, link), 410, 'link_used')
  })
})

describe('what cannot carry a tag', () => {
  const mint = (body: object): Promise<Response> =>
    gateway.admin('/v1/links', { method: 'POST', body })

  test('is refused at minting with its type', async () => {
    const answer = await mint({ path: '/files/note.txt', autograph_tag: 'copy 12' })
    expect(answer.status).toBe(422)
    expect(await answer.json()).toMatchObject({
      errors: [{ field: 'autograph_tag', message: "text/plain can't carry a tag" }],
    })
    const fit = await mint({ path: '/files/film.mp4', autograph_tag: 'copy 12' })
    expect(fit.status).toBe(201)
  })

  test.each([
    ['note.txt', "text/plain can't carry a tag"],
    ['broken.mp4', 'has a wrong size'],
    ['broken.zip', 'it has no end of central directory'],
  ])('is refused at delivery, and the record says why: %s', async (name, why) => {
    const link = taggedLink(`/files/${name}`)
    for (const method of ['GET', 'HEAD']) {
      expect((await send(gateway, link, { method })).status).toBe(403)
    }
    expectProblem(await send(gateway, link), 403, 'link_invalid')
    let record: AccessRecord | undefined
    await eventually('recorded', async () => {
      record = (await gateway.records(1)).find(({ path }) => path === `/files/${name}`)
      return record !== undefined
    })
    expect(record).toMatchObject({
      decision: 'deny',
      reason: 'link_constraint_unsupported',
      detail: expect.stringContaining(why) as unknown,
    })
    expect((await send(gateway, gateway.sign(`/files/${name}`))).status).toBe(200)
  })

  test('below a prefix is refused one by one', async () => {
    const answer = await mint({
      path: '/files/*',
      scheme: 'sluice-jwt',
      autograph_tag: 'copy 12',
    })
    const { url } = (await answer.json()) as { url: string }
    const base = new URL(url).pathname
    expect(await tagIn((await whole(`${base}film.mp4`)).body)).toMatchObject({ text: 'copy 12' })
    expectProblem(await send(gateway, `${base}note.txt`), 403, 'link_invalid')
  })
})

test('keys for tags rotate: without an active one no tag is promised or delivered', async () => {
  const other = await startTestGateway({ files: { 'film.mp4': FILM } })
  onTestFinished(() => other.close())
  const { keys } = (await (await other.admin('/v1/keys')).json()) as {
    keys: { kid: string; schemes: string[] }[]
  }
  const kid = keys.find(({ schemes }) => schemes.includes('sluice-tag'))?.kid
  expect(kid).toBeDefined()
  const link = other.sign('/files/film.mp4', { jti: 'rotated', autograph_tag: 'copy 12' })
  const before = await send(other, link)
  expect(before.status).toBe(200)

  const post = (path: string, body: object): Promise<Response> =>
    other.admin(path, { method: 'POST', body })
  expect((await post(`/v1/keys/${kid}/retire`, {})).status).toBe(200)
  expectProblem(await send(other, link), 403, 'link_invalid')
  const minting = { path: '/files/film.mp4', autograph_tag: 'copy 12' }
  expect((await post('/v1/links', minting)).status).toBe(422)

  expect((await post('/v1/keys', { alg: 'HS256', schemes: ['sluice-tag'] })).status).toBe(201)
  expect((await post('/v1/links', minting)).status).toBe(201)
  const after = await send(other, link)
  expect(after.status).toBe(200)
  expect(after.headers.etag).not.toBe(before.headers.etag)
})
