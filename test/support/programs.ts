import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'vitest'
import { skippedFor } from './skipped-programs.ts'

/** Programs that tests drive, each by the names that it goes by. */
const PROGRAMS = {
  aria2c: ['aria2c'],
  caddy: ['caddy'],
  chromium: ['chromium', 'chromium-browser', 'google-chrome'],
  curl: ['curl'],
  ffmpeg: ['ffmpeg'],
  ffprobe: ['ffprobe'],
  h2load: ['h2load'],
  haproxy: ['haproxy'],
  jq: ['jq'],
  nginx: ['nginx'],
  openssl: ['openssl'],
  'redis-cli': ['redis-cli', 'valkey-cli'],
  'redis-server': ['redis-server', 'valkey-server'],
  'systemd-analyze': ['systemd-analyze'],
  unzip: ['unzip'],
  wget: ['wget'],
} as const satisfies Record<string, readonly string[]>

export type ProgramName = keyof typeof PROGRAMS

/** Servers lie where PATH of an ordinary user does not lead. */
const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin']

function find(name: ProgramName): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SBIN]
  return PROGRAMS[name]
    .flatMap((file) => folders.map((folder) => join(folder, file)))
    .find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Where a program lies. */
export function program(name: ProgramName): string {
  const file = find(name)
  if (file === undefined) throw new Error(`${name} is missing: npm run setup:test installs it`)
  return file
}

type TestBody = () => Promise<void> | void

/** Defines a test: `it` itself, or one for which something has to be there. */
export type DefineTest = (title: string, body: TestBody, timeoutMs?: number) => void

/**
 * `test` for what needs programs. One that is missing fails the test under CI=true; elsewhere the test
 * is skipped under a name that says so, and the end of the run counts those.
 */
export function needs(...names: readonly ProgramName[]): DefineTest {
  const missing = names.filter((name) => find(name) === undefined)
  const isSkipped = missing.length > 0 && process.env['CI'] !== 'true'
  const define = isSkipped ? test.skip : test
  return (title, body, timeoutMs) => {
    define(
      isSkipped ? skippedFor(title, missing) : title,
      () => {
        if (missing.length > 0) throw new Error(`missing with CI=true: ${missing.join(', ')}`)
        return body()
      },
      timeoutMs,
    )
  }
}
