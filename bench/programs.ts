import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { peerVersions } from './contenders/node-peers.ts'

const VERSION_FLAGS = {
  nginx: '-v',
  haproxy: '-v',
  wrk: '-v',
  curl: '--version',
  npm: '--version',
} as const

export type Program = keyof typeof VERSION_FLAGS

/** The versions of the programs that are on the PATH. */
export function findPrograms(): ReadonlyMap<Program, string> {
  const found = new Map<Program, string>()
  for (const [program, flag] of Object.entries(VERSION_FLAGS)) {
    const { error, stdout, stderr } = spawnSync(program, [flag], { encoding: 'utf8' })
    // some print their version to standard error, and wrk ends in 1 after it
    if (!error) found.set(program as Program, /\d+\.[\w.]+/.exec(stdout + stderr)?.[0] ?? 'unknown')
  }
  return found
}

export interface Machine {
  readonly cores: number
  readonly model: string
  readonly kernel: string
  readonly versions: Readonly<Record<string, string>>
}

export function describeMachine(programs: ReadonlyMap<Program, string>): Machine {
  const manifest = join(import.meta.dirname, '../package.json')
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  return {
    cores: cpus().length,
    model: cpus()[0]?.model ?? 'unknown',
    kernel: release(),
    versions: {
      sluice: version,
      node: process.versions.node,
      ...Object.fromEntries(programs),
      ...peerVersions(),
    },
  }
}
