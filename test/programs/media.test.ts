import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest'
import { run } from '../support/child.ts'
import { type GatewayProcess, LIBRARY, startGatewayProcess } from '../support/gateway-process.ts'
import { needs, program } from '../support/programs.ts'

const DEMO = readFileSync(join(LIBRARY, 'demo.mp4'))

let gateway: GatewayProcess

beforeAll(async () => {
  gateway = await startGatewayProcess()
})

afterAll(async () => {
  await gateway.stop()
})

describe('ffmpeg', () => {
  needs('ffprobe')('reads the tracks and the duration through a link', async () => {
    const url = await gateway.sign('/files/demo.mp4')
    const args = ['-v', 'error', '-show_entries', 'format=duration:stream=codec_type']
    const { status, stdout, stderr } = await run(program('ffprobe'), [...args, '-of', 'json', url])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const { streams, format } = JSON.parse(stdout) as {
      streams: { codec_type: string }[]
      format: { duration: string }
    }
    expect(streams.map((stream) => stream.codec_type)).toContain('video')
    expect(Number(format.duration)).toBeCloseTo(10, 0)
  })

  needs('ffmpeg')('seeks with ranges and decodes the last seconds', async () => {
    const url = await gateway.sign('/files/demo.mp4', '--jti', 'ffmpeg')
    const args = ['-v', 'error', '-ss', '7', '-i', url, '-progress', '-', '-f', 'null', '-']
    const { status, stdout, stderr } = await run(program('ffmpeg'), args)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const decoded = [...stdout.matchAll(/^out_time_us=(\d+)$/gm)].at(-1)?.[1]
    expect(Number(decoded) / 1e6).toBeGreaterThan(2)
    const records = await gateway.records((all) => all.some((one) => one.link_id === 'ffmpeg'))
    for (const record of records) expect(record).toMatchObject({ decision: 'permit', status: 206 })
  })
})

describe('a browser', () => {
  let browser: Browser | undefined
  let pages: Server
  let origin: string

  beforeAll(async () => {
    pages = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' })
      response.end('<!doctype html><title>player</title><video muted preload="auto"></video>')
    })
    await new Promise<void>((resolve) => {
      pages.listen(0, '127.0.0.1', resolve)
    })
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
  })

  afterAll(async () => {
    await browser?.close()
    pages.closeAllConnections()
    pages.close()
  })

  async function openPage(): Promise<Page> {
    browser ??= await chromium.launch({
      executablePath: program('chromium'),
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
    const page = await browser.newPage()
    onTestFinished(async () => {
      await page.close()
    })
    await page.goto(origin)
    return page
  }

  needs('chromium')(
    'plays the link in a <video> and seeks in it',
    async () => {
      const page = await openPage()
      const url = await gateway.sign('/files/demo.mp4', '--streaming', 'true')
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
        const advanced = happened('timeupdate')
        await video.play()
        await advanced
        const seeked = happened('seeked')
        video.currentTime = 7
        await seeked
        return { at: video.currentTime, ready: video.readyState, duration: video.duration }
      }, url)
      expect(played.ready).toBeGreaterThanOrEqual(2)
      expect(played.at).toBeGreaterThanOrEqual(7)
      expect(played.duration).toBeCloseTo(10, 0)
    },
    60_000,
  )

  needs('chromium')(
    'saves the link under its name where it is an attachment',
    async () => {
      const page = await openPage()
      const name = 'Übergröße – Straße.txt'
      const url = await gateway.sign(`/files/${encodeURIComponent(name)}`)
      const saving = page.waitForEvent('download')
      await page.evaluate((target) => {
        location.href = target
      }, url)
      const download = await saving
      expect(download.suggestedFilename()).toBe(name)
      expect(readFileSync(await download.path())).toEqual(readFileSync(join(LIBRARY, name)))
    },
    60_000,
  )

  needs('chromium')(
    'lets a script of another origin read a range, with or without a preflight',
    async () => {
      const page = await openPage()
      const url = await gateway.sign('/files/demo.mp4')
      for (const [range, start, end] of [
        ['bytes=100-199', 100, 200],
        ['bytes=-50', DEMO.length - 50, DEMO.length],
      ] as const) {
        const answer = await page.evaluate(
          async ([target, value]) => {
            const response = await fetch(target, { headers: { range: value } })
            return {
              status: response.status,
              contentRange: response.headers.get('content-range'),
              disposition: response.headers.get('content-disposition'),
              body: [...new Uint8Array(await response.arrayBuffer())],
            }
          },
          [url, range] as const,
        )
        expect(answer).toEqual({
          status: 206,
          contentRange: `bytes ${start}-${end - 1}/${DEMO.length}`,
          disposition: 'attachment; filename="demo.mp4"',
          body: [...DEMO.subarray(start, end)],
        })
      }
    },
    60_000,
  )

  needs('chromium')(
    'lets a script of another origin read why a link was refused',
    async () => {
      const page = await openPage()
      const url = await gateway.sign('/files/demo.mp4', '--ip', '203.0.113.7')
      const answer = await page.evaluate(async (target) => {
        const response = await fetch(target)
        return [response.status, ((await response.json()) as { code: string }).code]
      }, url)
      expect(answer).toEqual([403, 'address_not_allowed'])
    },
    60_000,
  )
})
