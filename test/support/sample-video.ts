import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { program } from './programs.ts'

const made = new Map<string, Buffer>()

/** A video with sound: H.264 and AAC in MP4, or what the extension stands for. Made once a process. */
export function sampleVideo({ seconds = 10, extension = 'mp4', size = '320x180' } = {}): Buffer {
  const key = `${seconds} ${extension} ${size}`
  let bytes = made.get(key)
  if (!bytes) made.set(key, (bytes = make(seconds, extension, size)))
  return bytes
}

function make(seconds: number, extension: string, size: string): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-video-'))
  try {
    const file = join(directory, `sample.${extension}`)
    const picture = `testsrc2=size=${size}:rate=25:duration=${seconds}`
    const sound = `sine=frequency=440:duration=${seconds}`
    const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', sound]
    execFileSync(program('ffmpeg'), ['-v', 'error', ...inputs, '-pix_fmt', 'yuv420p', file])
    return readFileSync(file)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
