import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type ProbedStream, probeMedia } from '../support/probe-media.ts'
import { needs } from '../support/programs.ts'
import { sampleVideo } from '../support/sample-video.ts'
import { noSuchFile, SourceServer } from '../support/source-server.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const TOKEN = 'tasks-token'
const FILE = randomBytes(300_000)
const hash = (text: string): string => createHash('sha256').update(text).digest('hex')

interface TaskView {
  readonly id: string
  readonly status: string
  readonly progress: number
  readonly [field: string]: unknown
}

let gateway: TestGateway
let source: SourceServer

beforeAll(async () => {
  source = await SourceServer.start()
  gateway = await startTestGateway({
    config: {
      apis: {
        origin: 'library',
        tasks: {
          allowedHosts: [source.host],
          allowPrivateAddresses: true,
          maxBytes: 1_000_000,
        },
      },
    },
    clients: [
      { id: 'app', tokenSha256: hash(TOKEN), scopes: ['tasks'] },
      { id: 'other', tokenSha256: hash('other-token'), scopes: ['elytron'] },
    ],
  })
})

beforeEach(() => {
  source.answer = noSuchFile
})

afterAll(async () => {
  await gateway.close()
  await source.stop()
})

function call(
  path: string,
  { token = TOKEN, ...init }: RequestInit & { token?: string | null } = {},
): Promise<Response> {
  const headers = { ...(token !== null && { authorization: `Bearer ${token}` }), ...init.headers }
  return fetch(gateway.url + path, { ...init, headers: headers as Record<string, string> })
}

function post(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return call('/api/download', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

async function list(): Promise<TaskView[]> {
  return (await (await call('/api/downloads')).json()) as TaskView[]
}

async function view(id: string): Promise<TaskView> {
  const found = (await list()).find((task) => task.id === id)
  if (!found) throw new Error(`no task ${id}`)
  return found
}

/** Starts a task and waits until it has one of the states. */
async function fetched(
  path: string,
  states = ['completed', 'failed'],
  quality = 'best',
): Promise<TaskView> {
  const answer = await post({ url: source.url(path), quality })
  const { download_id: id } = (await answer.json()) as { download_id: string }
  await eventually(`${path} ${states.join(' or ')}`, async () =>
    states.includes((await view(id)).status),
  )
  return view(id)
}

describe('a fetched file', () => {
  test('comes with its original name and the type of its extension', async () => {
    source.files.set('/a.mp4', {
      content: FILE,
      headers: { 'content-disposition': 'attachment; filename="Big Film.mp4"' },
    })
    const task = await fetched('/a.mp4')
    expect(task).toMatchObject({
      url: source.url('/a.mp4'),
      title: 'Big Film',
      filename: 'Big Film.mp4',
      quality: 'best',
      status: 'completed',
      progress: 100,
      error: null,
      size: FILE.length,
    })
    const answer = await call(`/api/download/${task.id}/file`)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="Big Film.mp4"')
    expect(answer.headers.get('content-type')).toBe('video/mp4')
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(FILE)
  })

  test('has ranges', async () => {
    source.files.set('/r.bin', { content: FILE })
    const { id } = await fetched('/r.bin')
    const answer = await call(`/api/download/${id}/file`, { headers: { range: 'bytes=10-19' } })
    expect(answer.status).toBe(206)
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(FILE.subarray(10, 20))
  })

  test('is never shown inline, whatever it is', async () => {
    source.files.set('/page', {
      content: Buffer.from('<script>alert(1)</script>'),
      headers: { 'content-type': 'text/html' },
    })
    const task = await fetched('/page')
    expect(task['filename']).toBe('page.html')
    const answer = await call(`/api/download/${task.id}/file`)
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment/)
  })

  test('may be empty', async () => {
    source.files.set('/empty.txt', { content: Buffer.alloc(0) })
    expect(await fetched('/empty.txt')).toMatchObject({ status: 'completed', size: 0 })
  })

  test('is an asset of the same id, which the admin API shows', async () => {
    source.files.set('/asset.bin', { content: FILE })
    const { id } = await fetched('/asset.bin')
    const answer = await gateway.admin(`/v1/assets/${id}`)
    expect(await answer.json()).toMatchObject({ filename: 'asset.bin', status: 'ready' })
  })

  test('that was deleted from disk is answered with a text of its own', async () => {
    source.files.set('/gone.bin', { content: FILE })
    const { id } = await fetched('/gone.bin')
    rmSync(join(gateway.root, 'downloads', id), { recursive: true })
    const answer = await call(`/api/download/${id}/file`)
    expect(answer.status).toBe(404)
    expect(await answer.json()).toEqual({ detail: 'Archivo físico no encontrado' })
  })

  test('goes with its task', async () => {
    source.files.set('/removed.bin', { content: FILE })
    const { id } = await fetched('/removed.bin')
    const removed = await call(`/api/downloads/${id}/remove`, { method: 'DELETE' })
    expect(removed.status).toBe(200)
    expect((await list()).map((task) => task.id)).not.toContain(id)
    expect((await call(`/api/download/${id}/file`)).status).toBe(404)
    expect((await gateway.admin(`/v1/assets/${id}`)).status).toBe(404)
    const again = await call(`/api/downloads/${id}/remove`, { method: 'DELETE' })
    expect(again.status).toBe(404)
  })
})

describe('a quality', () => {
  const streamsOf = async (quality: string): Promise<[TaskView, Response, ProbedStream[]]> => {
    source.files.set('/film.mov', { content: sampleVideo({ seconds: 2, extension: 'mov' }) })
    const task = await fetched('/film.mov', ['completed', 'failed'], quality)
    const answer = await call(`/api/download/${task.id}/file`)
    return [task, answer, probeMedia(Buffer.from(await answer.arrayBuffer()))]
  }

  needs('ffmpeg', 'ffprobe')('that is a height gives an MP4 of that height', async () => {
    const [task, answer, streams] = await streamsOf('144p')
    expect(task).toMatchObject({ filename: 'film.mp4', title: 'film', quality: '144p' })
    expect(answer.headers.get('content-type')).toBe('video/mp4')
    expect(Number(answer.headers.get('content-length'))).toBe(task['size'])
    expect(streams.find(({ codec_type: type }) => type === 'video')?.height).toBe(144)
    expect(streams).toHaveLength(2)
  })

  needs('ffmpeg', 'ffprobe')('audio gives the sound alone', async () => {
    const [task, answer, streams] = await streamsOf('audio')
    expect(task).toMatchObject({ filename: 'film.m4a' })
    expect(answer.headers.get('content-type')).toBe('audio/mp4')
    expect(streams.map(({ codec_type: type }) => type)).toEqual(['audio'])
  })
})

describe('a running task', () => {
  test('shows progress that does not fall and is not 100, and no file before its end', async () => {
    source.files.set('/slow.bin', { content: FILE, pieceBytes: 10_000 })
    const { id } = await fetched('/slow.bin', ['downloading', 'completed'])
    const unfinished = await call(`/api/download/${id}/file`)
    const unknown = await call('/api/download/8f3b3f0e-0000-4000-8000-000000000000/file')
    expect(unfinished.status).toBe(404)
    const text = await unfinished.json()
    expect(text).toEqual({ detail: 'Descarga no disponible o no completada' })
    expect(await unknown.json()).toEqual(text)
    const seen: number[] = []
    await eventually('completed', async () => {
      const { status, progress } = await view(id)
      seen.push(progress)
      if (status !== 'completed') expect(progress).toBeLessThan(100)
      return status === 'completed'
    })
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(seen.some((progress) => progress > 0 && progress < 100)).toBe(true)
  })

  test('ends when it is removed, and the connection to its source with it', async () => {
    let isGone = false
    source.answer = (_, response) => {
      response.writeHead(200, { 'content-length': FILE.length }).write('begun')
      response.once('close', () => (isGone = true))
    }
    const { id } = await fetched('/endless.bin', ['downloading'])
    expect(isGone).toBe(false)
    const answer = await call(`/api/downloads/${id}/remove`, { method: 'DELETE' })
    expect(answer.status).toBe(200)
    await eventually('the source was left', () => isGone)
    expect((await list()).map((task) => task.id)).not.toContain(id)
    expect(readdirSync(join(gateway.root, 'downloads', id))).toEqual([])
  })
})

describe('a source that cannot be fetched fails its task', () => {
  const failed = async (path: string): Promise<unknown> => {
    const task = await fetched(path)
    expect(task).toMatchObject({ status: 'failed', size: null, completed_at: null })
    expect((await call(`/api/download/${task.id}/file`)).status).toBe(404)
    return task['error']
  }

  test('a status that is no success', async () => {
    expect(await failed('/missing')).toBe('The source answered with status 404')
  })

  test('more bytes than allowed, by its length and by its bytes', async () => {
    const content = Buffer.alloc(1_000_001)
    source.files.set('/large', { content })
    const sent = source.bytes
    expect(await failed('/large')).toMatch(/more than the 1000000 bytes/)
    source.answer = (_, response) => {
      response.writeHead(200)
      for (let i = 0; i < 20; i++) response.write(Buffer.alloc(100_000))
      response.end()
    }
    expect(await failed('/large-chunked')).toMatch(/more than the 1000000 bytes/)
    expect(source.bytes - sent).toBeLessThanOrEqual(content.length)
  })

  test('fewer bytes than announced', async () => {
    source.answer = (_, response) => {
      response.writeHead(200, { 'content-length': 1000 })
      response.write('short')
      setTimeout(() => response.destroy(), 20)
    }
    expect(await failed('/short')).toBe('The source ended before the file did')
  })

  test('a content coding that was not asked for', async () => {
    source.files.set('/coded', { content: FILE, headers: { 'content-encoding': 'gzip' } })
    expect(await failed('/coded')).toMatch(/content coding/)
  })
})

describe('who may call', () => {
  test.each([
    ['no token', null, 401],
    ['an unknown token', 'wrong', 401],
    ['a token without the scope', 'other-token', 403],
  ])('%s is refused on every endpoint', async (_, token, status) => {
    for (const [method, path] of [
      ['POST', '/api/download'],
      ['GET', '/api/downloads'],
      ['GET', '/api/download/x/file'],
      ['DELETE', '/api/downloads/x/remove'],
    ] as const) {
      const answer = await call(path, { method, token })
      expect(answer.status).toBe(status)
      expect(await answer.json()).toEqual({ detail: expect.any(String) as string })
      expect(answer.headers.has('www-authenticate')).toBe(status === 401)
    }
  })

  test('anybody where requireToken is false', async () => {
    const open = await startTestGateway({
      config: {
        apis: {
          origin: 'library',
          tasks: {
            allowedHosts: [source.host],
            allowPrivateAddresses: true,
            requireToken: false,
          },
        },
      },
    })
    try {
      source.files.set('/open.txt', { content: Buffer.from('open') })
      const started = await fetch(`${open.url}/api/download`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ url: source.url('/open.txt') }),
      })
      const { download_id: id } = (await started.json()) as { download_id: string }
      const file = (): Promise<Response> => fetch(`${open.url}/api/download/${id}/file`)
      await eventually('completed', async () => (await file()).status === 200)
      expect(await (await file()).text()).toBe('open')
    } finally {
      await open.close()
    }
  })
})

describe('what is not a valid call is answered in the shape of FastAPI', () => {
  test.each([
    ['no url', { quality: 'best' }, 'missing', ['body', 'url']],
    ['a url that is no text', { url: 7 }, 'string_type', ['body', 'url']],
    ['an unknown quality', { url: 'http://a/', quality: '8k' }, 'value_error', ['body', 'quality']],
    ['a field too many', { url: 'http://a/', qualty: 'x' }, 'extra_forbidden', ['body', 'qualty']],
    ['a list', [], 'dict_type', ['body']],
    ['no JSON', '{', 'json_invalid', ['body']],
  ])('%s', async (_, body, type, loc) => {
    const answer = await post(body)
    expect(answer.status).toBe(422)
    expect(await answer.json()).toEqual({
      detail: [{ type, loc, msg: expect.any(String) as string }],
    })
  })

  test('a body of another type', async () => {
    const answer = await post({ url: source.url('/a') }, { 'content-type': 'text/plain' })
    expect(answer.status).toBe(422)
  })

  test('a URL that nothing is fetched from', async () => {
    const answer = await post({ url: 'http://elsewhere.example/a' })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toEqual({ detail: expect.stringContaining('host') as string })
  })

  test('a query parameter', async () => {
    const answer = await call('/api/downloads?status=completed')
    expect(answer.status).toBe(422)
    expect((await call('/api/downloads?utm_source=mail')).status).toBe(200)
  })

  test('a method', async () => {
    const answer = await call('/api/downloads', { method: 'PUT' })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toContain('GET')
    expect(await answer.json()).toEqual({ detail: 'Method Not Allowed' })
  })
})

test('every call stands in the OpenAPI document', async () => {
  const answer = await fetch(`${gateway.adminUrl}/openapi/tasks.json`)
  expect(answer.status).toBe(200)
  const { paths } = (await answer.json()) as { paths: Record<string, object> }
  expect(Object.entries(paths).map(([path, item]) => [path, Object.keys(item)])).toEqual([
    ['/api/download', ['post']],
    ['/api/downloads', ['get']],
    ['/api/download/{download_id}/file', ['get']],
    ['/api/downloads/{download_id}/remove', ['delete']],
  ])
})
