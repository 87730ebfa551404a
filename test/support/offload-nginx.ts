import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { programOf, readPage } from '../docs/markdown.ts'
import { Child } from './child.ts'
import { accepts, freePort } from './free-port.ts'
import type { Nginx } from './nginx.ts'
import { program } from './programs.ts'

export interface OffloadPlaces {
  /** An empty directory that may be used. */
  readonly directory: string
  readonly gatewayPort: number
  readonly logPort: number
  /** The root of the file origin. */
  readonly root: string
  /** Of the HTTP origin, with a slash at its end. */
  readonly originUrl?: string
}

export interface OffloadNginx extends Nginx {
  /** Ends master and workers at once, without a last line. */
  kill(): Promise<void>
}

/** The nginx of docs/offload.md, without TLS: its gateway, log and origins where they are told. */
export async function startOffloadNginx(places: OffloadPlaces): Promise<OffloadNginx> {
  const { directory, gatewayPort, logPort, root, originUrl } = places
  const port = await freePort()
  mkdirSync(directory, { recursive: true })
  const site = programOf(readPage('docs/offload.md'), 'sluice.conf')
    .replace('127.0.0.1:8080', `127.0.0.1:${gatewayPort}`)
    .replace('127.0.0.1:5140', `127.0.0.1:${logPort}`)
    .replace('http://127.0.0.1:9000/', originUrl ?? 'http://127.0.0.1:9/')
    .replace('listen 443 ssl http2', `listen 127.0.0.1:${port}`)
    .replace(/ssl_certificate.*\n/g, '\n')
    .replace('/srv/downloads/', `${root}/`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${directory}/${name};`,
  )
  const file = join(directory, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${directory}/nginx.pid; events {}\nhttp { ${temporary.join(' ')}\n${site}}\n`,
  )
  const child = new Child(program('nginx'), ['-p', directory, '-c', file, '-e', 'stderr'])
  await child.until(() => accepts(port))
  return {
    port,
    stop: () => child.stop(),
    async kill() {
      child.signal('SIGKILL')
      await child.stop()
    },
  }
}
