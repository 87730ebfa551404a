import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { run } from '../support/child.ts'
import { type GatewayProcess, LIBRARY, startGatewayProcess } from '../support/gateway-process.ts'
import { needs, program } from '../support/programs.ts'
import { sluice } from '../support/sluice.ts'
import { box, film } from '../support/taggable-files.ts'

let gateway: GatewayProcess

beforeAll(async () => {
  const large = film(box('mdat', randomBytes(20 * 1024 * 1024)))
  gateway = await startGatewayProcess({ files: { 'large.mp4': large } })
})

afterAll(async () => {
  await gateway.stop()
})

function folder(): string {
  return mkdtempSync(join(gateway.directory, 'tagged-'))
}

const tagged = (path: string, ...flags: readonly string[]): Promise<string> =>
  gateway.sign(path, '--autograph-tag', 'copy 12', ...flags)

describe('a film that ffmpeg made', () => {
  /** Under `/made/`, with the index in front, behind, or in fragments. */
  async function makeFilm(name: string, ...flags: readonly string[]): Promise<void> {
    const file = join(gateway.directory, 'made', name)
    const source = ['-f', 'lavfi', '-i', 'testsrc=size=160x90:rate=10:duration=3']
    const codec = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-g', '10']
    const args = ['-v', 'error', '-y', ...source, ...codec, ...flags, file]
    const { status, stderr } = await run(program('ffmpeg'), args)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  }

  for (const [name, flags] of [
    ['index-behind.mp4', []],
    ['index-in-front.mov', ['-movflags', '+faststart']],
    ['fragments.mp4', ['-movflags', '+frag_keyframe+empty_moov']],
  ] as const) {
    needs('ffmpeg', 'ffprobe')(
      `is still one with a tag in it: ${name}`,
      async () => {
        await makeFilm(name, ...flags)
        const url = await tagged(`/made/${name}`)
        const show = ['-show_entries', 'format=duration:stream=codec_name', '-of', 'json']
        const probed = await run(program('ffprobe'), ['-v', 'warning', ...show, url])
        expect({ status: probed.status, stderr: probed.stderr }).toEqual({ status: 0, stderr: '' })
        const { streams, format } = JSON.parse(probed.stdout) as {
          streams: { codec_name: string }[]
          format: { duration: string }
        }
        expect(streams).toMatchObject([{ codec_name: 'h264' }])
        expect(Number(format.duration)).toBeCloseTo(3, 1)
        const decode = ['-v', 'warning', '-xerror', '-i', url, '-f', 'null', '-']
        const decoded = await run(program('ffmpeg'), decode)
        expect(decoded).toMatchObject({ status: 0, stderr: '' })
      },
      60_000,
    )
  }

  needs('ffmpeg', 'chromium')(
    'plays and seeks in a browser with a tag in it',
    async () => {
      await makeFilm('play.mp4')
      const url = await tagged('/made/play.mp4', '--streaming', 'true')
      const browser = await chromium.launch({
        executablePath: program('chromium'),
        args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run'],
      })
      onTestFinished(() => browser.close())
      const page = await browser.newPage()
      await page.setContent('<!doctype html><video muted preload="auto"></video>')
      const played = await page.evaluate(async (src) => {
        const video = document.querySelector('video')
        if (!video) throw new Error('no video')
        const happened = (event: string): Promise<void> =>
          new Promise((resolve, reject) => {
            video.addEventListener(event, () => resolve(), { once: true })
            video.addEventListener('error', () => reject(new Error(video.error?.message)))
          })
        const loaded = happened('loadedmetadata')
        video.src = src
        await loaded
        const seeked = happened('seeked')
        video.currentTime = 2
        await seeked
        const ended = happened('ended')
        await video.play()
        await ended
        return { at: video.currentTime, width: video.videoWidth }
      }, url)
      expect(played.width).toBe(160)
      expect(played.at).toBeCloseTo(3, 0)
    },
    60_000,
  )
})

describe('sluice trace', () => {
  for (const name of ['demo.mp4', 'guide.pdf', 'bundle.zip']) {
    needs('curl')(`finds the link of a copy of ${name}`, async () => {
      const cwd = folder()
      const url = await tagged(`/files/${name}`, '--jti', `copy-${name}`, '--subject', 'alice')
      expect((await run(program('curl'), ['-fsSOJ', url], { cwd })).status).toBe(0)
      const [saved = ''] = readdirSync(cwd)
      cpSync(join(cwd, saved), join(cwd, 'renamed'))
      const traced = await sluice(['trace', join(cwd, 'renamed'), '--config', gateway.config])
      expect(traced).toMatchObject({ status: 0, stderr: '' })
      expect(traced.stdout).toContain(`link       copy-${name}\nsubject    alice\n`)
      const original = await sluice(['trace', join(LIBRARY, name), '--config', gateway.config])
      expect(original).toMatchObject({ status: 1, stdout: 'no tag\n' })
    })
  }

  needs('curl')('finds no tag where it was cut off', async () => {
    const cwd = folder()
    const url = await tagged('/files/demo.mp4')
    const file = join(cwd, 'a.mp4')
    expect((await run(program('curl'), ['-fsS', '-o', file, url])).status).toBe(0)
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.subarray(0, readFileSync(join(LIBRARY, 'demo.mp4')).length))
    const traced = await sluice(['trace', file, '--config', gateway.config])
    expect(traced).toMatchObject({ status: 1, stdout: 'no tag\n' })
  })

  needs('aria2c', 'curl')('finds the link of a file that came in sixteen pieces', async () => {
    const cwd = folder()
    const url = await tagged('/made/large.mp4', '--jti', 'pieces')
    const flags = ['-x16', '-s16', '-k1M', '-q', '-o', 'pieces.mp4']
    expect((await run(program('aria2c'), [...flags, url], { cwd })).status).toBe(0)
    await gateway.records((all) => piecesOf(all) >= 16)
    expect((await run(program('curl'), ['-fsS', '-o', 'one.mp4', url], { cwd })).status).toBe(0)
    const [one, pieces] = ['one.mp4', 'pieces.mp4'].map((name) => readFileSync(join(cwd, name)))
    expect(pieces?.equals(one ?? Buffer.alloc(0))).toBe(true)
    const traced = await sluice(['trace', join(cwd, 'pieces.mp4'), '--config', gateway.config])
    expect(traced.stdout).toContain('link       pieces\n')
  })
})

/** How many requests fetched a part of the file. */
function piecesOf(records: readonly AccessRecord[]): number {
  return records.filter(({ link_id, status }) => link_id === 'pieces' && status === 206).length
}
