import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FORMAT_NAMES, type Format } from '../../src/catalogue/format.ts'
import { Ffmpeg, type FfmpegOptions } from '../../src/rendition/ffmpeg.ts'
import { TranscodeError, type TranscodeJob } from '../../src/rendition/transcoder.ts'
import { run, startForTest } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { needs, program } from '../support/programs.ts'
import { sampleVideo } from '../support/sample-video.ts'

const NEVER = new AbortController().signal
const SECONDS = 4
const BOTH = needs('ffmpeg', 'ffprobe')

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-ffmpeg-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true })
})

function ffmpeg(options: Partial<FfmpegOptions> = {}): Ffmpeg {
  const programs = { path: program('ffmpeg'), probePath: program('ffprobe') }
  return new Ffmpeg({ ...programs, timeoutSeconds: 60, maxBytes: 1e9, ...options })
}

function put(name: string, content: string | Buffer): string {
  const file = join(directory, name)
  writeFileSync(file, content)
  return file
}

function source(extension = 'mp4', seconds = SECONDS): string {
  return put(`source.${extension}`, sampleVideo({ seconds, extension }))
}

function job(format: Format, file: string, rest: Partial<TranscodeJob> = {}): TranscodeJob {
  const target = join(directory, `made-${format}`)
  return { source: file, target, format, onProgress: () => undefined, signal: NEVER, ...rest }
}

async function ffmpegMakes(...args: readonly string[]): Promise<void> {
  const { status, stderr } = await run(program('ffmpeg'), ['-v', 'error', '-y', ...args])
  if (status !== 0) throw new Error(stderr)
}

/** The decoded pictures' digest: the same for a copy, another for a new encoding. */
async function digestOf(file: string, stream: 'v' | 'a'): Promise<string> {
  const args = ['-v', 'error', '-i', file, '-map', `0:${stream}:0`, '-f', 'md5', '-']
  const { stdout } = await run(program('ffmpeg'), args)
  return stdout.trim()
}

describe('a video with sound becomes', () => {
  const CONTAINERS: Readonly<Record<Format, [container: string, video: unknown, audio: string]>> = {
    mp4: ['mp4', 'h264', 'aac'],
    mov: ['mov', 'h264', 'aac'],
    flv: ['flv', 'h264', 'aac'],
    webm: ['webm', 'vp9', 'opus'],
    m4a: ['m4a', undefined, 'aac'],
  }

  for (const from of ['mp4', 'webm']) {
    for (const format of FORMAT_NAMES) {
      BOTH(`${format} of ${from}`, async () => {
        const made = job(format, source(from))
        await ffmpeg().make(made)
        const info = await ffmpeg().probe(made.target, NEVER)
        const [container, video, audio] = CONTAINERS[format]
        expect(info?.container.split(',')).toContain(container)
        expect(info?.video?.codec).toBe(video)
        expect(info?.audio?.codec).toBe(audio)
        expect(Math.abs((info?.duration ?? 0) - SECONDS)).toBeLessThan(0.2)
        const { status, stderr } = await run(program('ffmpeg'), [
          ...['-v', 'error', '-i', made.target, '-f', 'null', '-'],
        ])
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      })
    }
  }
})

describe('streams', () => {
  BOTH('that fit are the same pictures and sounds after it', async () => {
    const made = job('mov', source())
    await ffmpeg().make(made)
    for (const stream of ['v', 'a'] as const) {
      expect(await digestOf(made.target, stream)).toBe(await digestOf(made.source, stream))
    }
  })

  BOTH('that fit a container by their codec but not by their rate are encoded', async () => {
    const slow = join(directory, 'slow.mkv')
    await ffmpegMakes('-i', source(), '-c:v', 'copy', '-c:a', 'libmp3lame', '-ar', '8000', slow)
    const made = job('mp4', slow)
    await ffmpeg().make(made)
    expect(await ffmpeg().probe(made.target, NEVER)).toMatchObject({
      video: { codec: 'h264' },
      audio: { codec: 'aac' },
    })
  })

  BOTH(
    'besides the first picture and the first sound are left out, and covers are no pictures',
    async () => {
      const [music, cover] = [join(directory, 'music.m4a'), join(directory, 'cover.png')]
      await ffmpegMakes('-i', source(), '-frames:v', '1', cover)
      const attached = ['-map', '0:a', '-map', '1', '-map', '0:a', '-c', 'copy']
      await ffmpegMakes(
        ...['-i', source(), '-i', cover, ...attached, '-disposition:v:0', 'attached_pic', music],
      )
      expect(await ffmpeg().probe(music, NEVER)).toMatchObject({ video: undefined })
      await expect(ffmpeg().make(job('webm', music))).rejects.toThrow('the source has no picture')
      const made = job('m4a', music)
      await ffmpeg().make(made)
      const args = [
        '-v',
        'error',
        '-show_entries',
        'stream=codec_type',
        '-of',
        'csv=p=0',
        made.target,
      ]
      expect((await run(program('ffprobe'), args)).stdout.trim()).toBe('audio')
    },
  )

  BOTH('of a silent video make a silent video, and no m4a', async () => {
    const silent = join(directory, 'silent.mp4')
    await ffmpegMakes('-i', source(), '-an', '-c', 'copy', silent)
    const made = job('webm', silent)
    await ffmpeg().make(made)
    expect(await ffmpeg().probe(made.target, NEVER)).toMatchObject({ audio: undefined })
    await expect(ffmpeg().make(job('m4a', silent))).rejects.toThrow('the source has no sound')
  })

  BOTH('with odd sides and surround sound are made into what players play', async () => {
    const odd = join(directory, 'odd.mkv')
    const filter = [
      '-vf',
      'scale=321:181',
      '-af',
      'pan=5.1(side)|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0',
    ]
    await ffmpegMakes('-i', source(), ...filter, '-c:v', 'ffv1', '-c:a', 'ac3', odd)
    for (const format of ['mp4', 'webm'] as const) {
      const made = job(format, odd)
      await ffmpeg().make(made)
      const info = await ffmpeg().probe(made.target, NEVER)
      expect(info).toMatchObject({ video: { width: 320, height: 180 } })
    }
  })

  BOTH('higher than asked for are made smaller', async () => {
    const made = job('mp4', source(), { maxHeight: 91 })
    await ffmpeg().make(made)
    expect(await ffmpeg().probe(made.target, NEVER)).toMatchObject({
      video: { width: 160, height: 90 },
    })
  })
})

BOTH('progress grows and ends below 100', async () => {
  const percents: number[] = []
  await ffmpeg().make(job('webm', source(), { onProgress: (percent) => percents.push(percent) }))
  expect(percents).toEqual(percents.toSorted((a, b) => a - b))
  expect(percents.at(-1)).toBeGreaterThan(90)
  expect(percents.at(-1)).toBeLessThan(100)
})

BOTH('a name that looks like an option is a name', async () => {
  const made = job('mov', put('-y %d -i', sampleVideo({ seconds: SECONDS })))
  await ffmpeg().make(made)
  expect(statSync(made.target).size).toBeGreaterThan(1000)
})

describe('a hostile source', () => {
  const secret = (): string => source('mp4')
  const PLAYLISTS: Readonly<Record<string, (file: string) => string>> = {
    'an HLS playlist': (file) =>
      `#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://${file}\n#EXT-X-ENDLIST\n`,
    'a concat script': (file) => `ffconcat version 1.0\nfile ${file.slice(directory.length + 1)}\n`,
    'a DASH manifest': (file) =>
      `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT4S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>file://${file}</BaseURL></Representation></AdaptationSet></Period></MPD>`,
    'an SDP description': () =>
      'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n',
  }

  for (const [what, write] of Object.entries(PLAYLISTS)) {
    BOTH(`that is ${what} is not read`, async () => {
      const made = job('mov', put('hostile.mp4', write(secret())))
      expect(await ffmpeg().probe(made.source, NEVER)).toBeUndefined()
      await expect(ffmpeg().make(made)).rejects.toThrow('the source is no media that may be read')
      expect(existsSync(made.target)).toBe(false)
    })
  }

  BOTH('that ffmpeg by itself would read is among them', async () => {
    const hostile = put('hostile.mp4', PLAYLISTS['a concat script']?.(secret()) ?? '')
    const { stdout } = await run(program('ffprobe'), ['-v', 'error', '-show_format', hostile])
    expect(stdout).toContain('format_name=concat')
  })

  BOTH('whose picture is large enough to fill the memory is not decoded', async () => {
    const large = join(directory, 'large.mkv')
    const picture = ['-f', 'lavfi', '-i', 'color=size=8200x8200:rate=1:duration=1']
    await ffmpegMakes(...picture, '-c:v', 'mjpeg', large)
    await expect(ffmpeg().make(job('mp4', large))).rejects.toThrow('max pixel count')
  })

  BOTH('whose name is an address is a file', async () => {
    const absent = job('mov', '/http://127.0.0.1/a.mp4')
    await expect(ffmpeg().make(absent)).rejects.toThrow('no media that may be read')
  })

  BOTH('that is cut, empty or noise is no media', async () => {
    const noise = Buffer.from(Array.from({ length: 9999 }, (_, i) => (i * i) % 256))
    for (const bytes of [
      Buffer.alloc(0),
      noise,
      sampleVideo({ seconds: SECONDS }).subarray(0, 99),
    ]) {
      expect(await ffmpeg().probe(put('noise.mp4', bytes), NEVER)).toBeUndefined()
    }
  })

  BOTH('that breaks in the middle of the work gives a reason without paths', async () => {
    const bytes = sampleVideo({ seconds: SECONDS, extension: 'webm' })
    const broken = job('mp4', put('broken.webm', bytes), { target: '/dev/full' })
    const failure: unknown = await ffmpeg()
      .make(broken)
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(TranscodeError)
    expect(String(failure)).toMatch(/ffmpeg failed: .*No space left on device/)
    expect(String(failure)).not.toContain(directory)
    expect(String(failure)).not.toContain('\n')
  })
})

describe('limits', () => {
  BOTH('a rendition that grows over the largest size fails, copied or encoded', async () => {
    for (const format of ['mov', 'webm'] as const) {
      const limited = ffmpeg({ maxBytes: 20_000 })
      const error = 'the rendition is larger than 20000 bytes'
      await expect(limited.make(job(format, source()))).rejects.toThrow(error)
    }
  })

  BOTH('work that takes too long ends', async () => {
    const slow = ffmpeg({ timeoutSeconds: 0.2 })
    await expect(slow.make(job('webm', source('mp4', 30)))).rejects.toThrow(
      'ffmpeg was not done in 0.2 s',
    )
  })

  BOTH('work that is given up ends at once', async () => {
    const controller = new AbortController()
    const made = job('webm', source('mp4', 30), { signal: controller.signal })
    const making = ffmpeg().make(made)
    making.catch(() => undefined)
    await eventually('the work begun', () => existsSync(made.target))
    controller.abort()
    await expect(making).rejects.toThrow('the work was given up')
    const { size } = statSync(made.target)
    await run(program('ffprobe'), ['-version'])
    expect(statSync(made.target).size).toBe(size)
  })

  BOTH(
    'ffmpeg does not outlive the process that started it, however that ended',
    async () => {
      const script = put(
        'start.ts',
        `import { Ffmpeg } from ${JSON.stringify(join(import.meta.dirname, '../../src/rendition/ffmpeg.ts'))}
       const ffmpeg = new Ffmpeg(JSON.parse(process.argv[2]))
       await ffmpeg.make({ ...JSON.parse(process.argv[3]), signal: new AbortController().signal, onProgress: () => {} })`,
      )
      const options = { path: program('ffmpeg'), probePath: program('ffprobe') }
      const settings = JSON.stringify({ ...options, timeoutSeconds: 600, maxBytes: 1e9 })
      const made = job('webm', put('large.mp4', sampleVideo({ seconds: 30, size: '640x360' })))
      const parent = startForTest(process.execPath, [script, settings, JSON.stringify(made)])
      await parent.until(() => existsSync(made.target) || undefined)
      parent.signal('SIGKILL')
      await parent.ended
      await eventually('ffmpeg gone', async () => !(await isWorkedOn(made.target)), 60_000)
      expect((await ffmpeg().probe(made.target, NEVER))?.duration ?? 0).toBeLessThan(25)
    },
    100_000,
  )
})

/** Whether some program has the file on its command line. */
async function isWorkedOn(file: string): Promise<boolean> {
  const { stdout } = await run('ps', ['-eo', 'args'])
  return stdout.split('\n').some((line) => line.includes(`file:${file}`))
}

describe('a program that is missing', () => {
  const options = { timeoutSeconds: 9, maxBytes: 9 }

  test('is named with the setting that names it', async () => {
    const absent = new Ffmpeg({ path: 'no-ffmpeg', probePath: '/nowhere/ffprobe', ...options })
    expect(await absent.fault()).toBe('no-ffmpeg was not found: install it or set apis.ffmpeg.path')
    const looking = absent.probe('/any', NEVER)
    await expect(looking).rejects.toThrow(TranscodeError)
    await expect(looking).rejects.toThrow(
      'ffprobe was not found: install it or set apis.ffmpeg.probePath',
    )
  })

  test('and one that is no program are told apart', async () => {
    const text = put('ffmpeg', 'not a program')
    chmodSync(text, 0o644)
    const wrong = new Ffmpeg({ path: text, probePath: text, ...options })
    expect(await wrong.fault()).toBe('ffmpeg cannot be started (EACCES): see apis.ffmpeg.path')
  })

  BOTH('is not, when both are there', async () => {
    expect(await ffmpeg().fault()).toBeUndefined()
  })
})

test('a program sees nothing of the environment but PATH', async () => {
  const out = join(directory, 'env')
  const spy = put('spy', `#!/bin/sh\n/usr/bin/env > ${out}; pwd >> ${out}\n`)
  chmodSync(spy, 0o755)
  process.env['SLUICE_SPY_TEST'] = 'secret'
  try {
    await new Ffmpeg({ path: spy, probePath: spy, timeoutSeconds: 9, maxBytes: 9 }).fault()
  } finally {
    delete process.env['SLUICE_SPY_TEST']
  }
  const lines = readFileSync(out, 'utf8').trim().split('\n')
  const names = lines.filter((line) => line.includes('=')).map((line) => line.split('=')[0])
  // the shell adds its own
  expect(names.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name ?? ''))).toEqual([
    'PATH',
  ])
  expect(lines.at(-1)).toBe('/')
})
