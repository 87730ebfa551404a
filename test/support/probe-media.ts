import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { program } from './programs.ts'

export interface ProbedStream {
  readonly codec_type: string
  readonly height?: number
}

/** What ffprobe says of the streams of a file. */
export function probeMedia(bytes: Buffer): ProbedStream[] {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-probe-'))
  try {
    const file = join(directory, 'media')
    writeFileSync(file, bytes)
    const args = ['-v', 'error', '-show_streams', '-of', 'json', file]
    const { streams } = JSON.parse(
      execFileSync(program('ffprobe'), args, { encoding: 'utf8' }),
    ) as {
      streams: ProbedStream[]
    }
    return streams
  } finally {
    rmSync(directory, { recursive: true })
  }
}
