import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { probeMedia } from '../support/probe-media.ts'
import { needs } from '../support/programs.ts'
import { type Life, RestartableGateway } from '../support/restartable-gateway.ts'
import { sampleVideo } from '../support/sample-video.ts'
import { SourceServer } from '../support/source-server.ts'

const FILE = randomBytes(3_000_000)

interface TaskView {
  readonly id: string
  readonly status: string
  readonly progress: number
  readonly error: string | null
}

let source: SourceServer
let lives: RestartableGateway

beforeAll(async () => {
  source = await SourceServer.start()
  lives = new RestartableGateway(
    { 'readme.txt': Buffer.from('a library') },
    {
      apis: {
        origin: 'library',
        tasks: {
          allowedHosts: [source.host],
          allowPrivateAddresses: true,
          requireToken: false,
        },
      },
    },
    {},
  )
})

afterAll(async () => {
  await lives.remove()
  await source.stop()
})

const urlOf = ({ host, port }: Life, path: string): string => `http://${host}:${port}${path}`

async function start(life: Life, path: string, quality = 'best'): Promise<string> {
  const answer = await fetch(urlOf(life, '/api/download'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url: source.url(path), quality }),
  })
  return ((await answer.json()) as { download_id: string }).download_id
}

async function view(life: Life, id: string): Promise<TaskView> {
  const tasks = (await (await fetch(urlOf(life, '/api/downloads'))).json()) as TaskView[]
  const task = tasks.find((candidate) => candidate.id === id)
  if (!task) throw new Error(`no task ${id}`)
  return task
}

async function file(life: Life, id: string): Promise<Buffer> {
  const completed = async (): Promise<boolean> => {
    const { status, error } = await view(life, id)
    if (status === 'failed') throw new Error(`failed: ${error}`)
    return status === 'completed'
  }
  await eventually('completed', completed, 30_000)
  const answer = await fetch(urlOf(life, `/api/download/${id}/file`))
  expect(answer.status).toBe(200)
  return Buffer.from(await answer.arrayBuffer())
}

describe('after kill -9 a task goes on', () => {
  test('in the middle of a fetch, with the bytes that are missing', async () => {
    source.answer = (_, response) => {
      response.writeHead(200, { 'content-length': FILE.length, etag: '"v1"' })
      response.write(FILE.subarray(0, FILE.length / 2))
    }
    const first = await lives.start()
    const id = await start(first, '/slow.bin')
    await eventually('a half', async () => (await view(first, id)).progress === 49)
    await first.kill()
    source.files.set('/slow.bin', { content: FILE, etag: '"v1"' })
    const next = await lives.start()
    expect(await view(next, id)).toMatchObject({ id })
    expect(await file(next, id)).toEqual(FILE)
    expect(source.requests.slice(1)).toEqual([
      { url: '/slow.bin', range: `bytes=${FILE.length / 2}-`, ifRange: '"v1"' },
    ])
    await next.kill()
    const last = await lives.start()
    expect(await view(last, id)).toMatchObject({ status: 'completed', progress: 100 })
    await last.kill()
  }, 60_000)

  needs('ffmpeg', 'ffprobe')(
    'in the middle of a conversion, without a second fetch',
    async () => {
      const content = sampleVideo({ seconds: 30, size: '640x360' })
      source.files.set('/film.mp4', { content })
      const first = await lives.start()
      const id = await start(first, '/film.mp4', '144p')
      await eventually('processing', async () => (await view(first, id)).status === 'processing')
      await first.kill()
      const asked = source.requests.length
      const next = await lives.start()
      expect(probeMedia(await file(next, id))[0]).toMatchObject({ height: 144 })
      expect(source.requests).toHaveLength(asked)
      await next.kill()
    },
    60_000,
  )
})
