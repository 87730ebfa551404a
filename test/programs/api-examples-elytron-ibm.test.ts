import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished } from 'vitest'
import type { Downloadable } from '../../src/dialect/ibm/downloadable.ts'
import { API_CLIENT, API_TOKEN, callApi, putAsset } from '../support/api-client.ts'
import { type Ended, run, startForTest } from '../support/child.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { needs, program } from '../support/programs.ts'
import { sampleVideo } from '../support/sample-video.ts'
import { ROOT } from '../support/sluice.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const ID = '550e8400-e29b-41d4-a716-446655440000'
const DAY = 86_400
/** Making a rendition takes as long as the machine needs. */
const TIMEOUT_MS = 180_000

const clock = new FakeClock(Math.floor(Date.now() / 1000))

interface Stage {
  readonly gateway: TestGateway
  /** Where the scripts save. */
  readonly folder: string
  /** Runs an example with the settings that its head asks for. */
  readonly runExample: (script: string, ...args: readonly string[]) => Promise<Ended>
}

/** A gateway with a video of ten seconds, with picture and sound. */
async function setStage(): Promise<Stage> {
  const gateway = await startTestGateway({
    clock,
    config: { apis: { origin: 'library', elytron: {}, ibm: {} } },
    files: { 'film.mp4': sampleVideo() },
    clients: [API_CLIENT],
  })
  onTestFinished(() => gateway.close())
  await putAsset(gateway, ID, { filename: 'film.mp4', origin: 'library', object: 'film.mp4' })
  const folder = join(gateway.directory, 'saved')
  mkdirSync(folder)
  const env = { ...process.env, BASE_URL: gateway.url, TOKEN: API_TOKEN, VIDEO_ID: ID }
  return {
    gateway,
    folder,
    runExample: (script, ...args) =>
      startForTest(join(ROOT, 'examples', script), args, { cwd: folder, env }).ended,
  }
}

interface Probed {
  readonly container: string
  readonly brand: string | undefined
  readonly codecs: readonly string[]
  readonly seconds: number
}

async function probe(file: string): Promise<Probed> {
  const args = ['-v', 'error', '-show_format', '-show_streams', '-of', 'json', file]
  const { status, stdout, stderr } = await run(program('ffprobe'), args)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const { format, streams } = JSON.parse(stdout) as {
    format: { format_name: string; duration: string; tags?: { major_brand?: string } }
    streams: { codec_name: string }[]
  }
  return {
    container: format.format_name,
    brand: format.tags?.major_brand?.trim(),
    codecs: streams.map(({ codec_name }) => codec_name),
    seconds: Number(format.duration),
  }
}

const example = needs('curl', 'jq', 'ffmpeg', 'ffprobe')

describe('examples/elytron.sh', () => {
  const MOVIE = 'mov,mp4,m4a,3gp,3g2,mj2'

  example(
    'saves the video in three formats and prints a link that needs no token',
    async () => {
      const { gateway, folder, runExample } = await setStage()
      const rows = [
        ['mp4', MOVIE, 'isom', ['h264', 'aac']],
        ['webm', 'matroska,webm', undefined, ['vp9', 'opus']],
        ['mov', MOVIE, 'qt', ['h264', 'aac']],
      ] as const
      for (const [format, container, brand, codecs] of rows) {
        const { status, stdout, stderr } = await runExample('elytron.sh', format)
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
        const [saved, url = ''] = stdout.trimEnd().split('\n')
        expect(saved).toBe(`saved video_${ID}.${format}`)
        const probed = await probe(join(folder, `video_${ID}.${format}`))
        expect(probed).toMatchObject({ container, brand, codecs })
        expect(probed.seconds).toBeCloseTo(10, 0)
        const response = await fetch(url)
        expect(response.headers.get('content-type')).toBe('video/mp4')
        expect(Buffer.from(await response.arrayBuffer()).equals(sampleVideo())).toBe(true)
      }
      expect(readdirSync(folder)).toHaveLength(rows.length)
      expect(gateway.logged.filter((line) => line.startsWith('error'))).toEqual([])
    },
    TIMEOUT_MS,
  )

  example(
    'ends when a format cannot be made',
    async () => {
      const { gateway, folder, runExample } = await setStage()
      writeFileSync(join(gateway.root, 'film.mp4'), 'no video at all')
      const { status, stderr } = await runExample('elytron.sh', 'webm')
      const message = 'Video is not ready for download. Status: failed'
      expect({ status, stderr }).toEqual({ status: 1, stderr: `VIDEO_NOT_READY: ${message}\n` })
      expect(readdirSync(folder)).toEqual([])
    },
    TIMEOUT_MS,
  )

  example(
    'ends with what the API says of a video that is not there, and saves nothing',
    async () => {
      const { gateway, folder, runExample } = await setStage()
      await gateway.admin(`/v1/assets/${ID}`, { method: 'DELETE' })
      const { status, stdout, stderr } = await runExample('elytron.sh')
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
      expect(stderr).toBe('VIDEO_NOT_FOUND: Video not found\n')
      expect(readdirSync(folder)).toEqual([])
    },
    TIMEOUT_MS,
  )
})

describe('examples/ibm.sh', () => {
  async function poll(gateway: TestGateway): Promise<Downloadable> {
    const { body } = await callApi(gateway, `/videos/${ID}/downloadable/flv.json`)
    return (JSON.parse(body.toString()) as { downloadable: Downloadable }).downloadable
  }

  example(
    'requests the video, waits for it, and saves it; after a day it is gone',
    async () => {
      const { gateway, folder, runExample } = await setStage()
      expect(await poll(gateway)).toMatchObject({ status: 'unavailable' })
      const { status, stdout, stderr } = await runExample('ibm.sh', 'flv')
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      const end = Math.floor(clock.now() / 1000) + DAY
      const time = new Date(end * 1000).toISOString().replace('.000', '')
      expect(stdout).toBe(`available until ${time}\n`)
      const probed = await probe(join(folder, 'film.flv'))
      expect(probed).toMatchObject({ container: 'flv' })
      expect(probed.codecs.toSorted()).toEqual(['aac', 'h264'])
      expect(probed.seconds).toBeCloseTo(10, 0)
      clock.advance(DAY - 1)
      const { download_url, ...last } = await poll(gateway)
      expect(last).toEqual({ status: 'available', expires_at: end })
      clock.advance(1)
      expect(await poll(gateway)).toMatchObject({ status: 'unavailable', download_url: null })
      expect((await fetch(download_url ?? '')).status).toBe(410)
      rmSync(join(folder, 'film.flv'))
      expect(await runExample('ibm.sh', 'flv')).toMatchObject({ status: 0, stderr: '' })
    },
    TIMEOUT_MS,
  )

  example(
    'saves the own container at once',
    async () => {
      const { folder, runExample } = await setStage()
      expect(await runExample('ibm.sh')).toMatchObject({ status: 0, stderr: '' })
      expect(readFileSync(join(folder, 'film.mp4')).equals(sampleVideo())).toBe(true)
    },
    TIMEOUT_MS,
  )

  example(
    'ends with what the API says of a video that is not there',
    async () => {
      const { gateway, runExample } = await setStage()
      await gateway.admin(`/v1/assets/${ID}`, { method: 'DELETE' })
      const { status, stderr } = await runExample('ibm.sh')
      expect(status).not.toBe(0)
      expect(stderr).toContain('"error":"not_found"')
    },
    TIMEOUT_MS,
  )
})
