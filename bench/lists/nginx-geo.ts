import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServerProcess } from '../children.ts'
import { freePort, workplace } from '../workplace.ts'

export interface NginxFigures {
  /** User CPU of `nginx -t`. */
  readonly loadSeconds: number
  /** Of one process, beyond that of an nginx whose geo block is empty. */
  readonly bytesPerEntry: number
}

/** The same networks in an nginx `geo` block; undefined where there is no nginx. */
export async function measureNginx(networks: readonly string[]): Promise<NginxFigures | undefined> {
  if (spawnSync('nginx', ['-v']).error) return undefined
  const empty = await running(await configure('empty', []))
  const full = await configure('full', networks)
  const loadSeconds = userSeconds(full.file)
  const memoryKib = (await running(full)) - empty
  return { loadSeconds, bytesPerEntry: (memoryKib * 1024) / networks.length }
}

interface Configured {
  readonly file: string
  readonly port: number
}

async function configure(name: string, networks: readonly string[]): Promise<Configured> {
  const port = await freePort()
  const file = join(workplace, `geo-${name}.conf`)
  const config = [
    `pid ${join(workplace, `geo-${name}.pid`)};`,
    `error_log ${join(workplace, 'geo-error.log')} crit;`,
    'master_process off;',
    'events {}',
    'http {',
    'access_log off;',
    'geo $blocked {',
    'default 0;',
    ...networks.map((network) => `${network} 1;`),
    '}',
    `server { listen 127.0.0.1:${port}; location / { return 200 "$blocked"; } }`,
    '}',
  ]
  writeFileSync(file, config.join('\n'))
  return { file, port }
}

/** The second line of the shell's `times` is that of its children. */
function userSeconds(file: string): number {
  const script = 'nginx -t -q -c "$1" || exit 1; times'
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', file], {
    encoding: 'utf8',
  })
  const [, minutes, seconds] = /\n(\d+)m([\d.]+)s/.exec(stdout) ?? []
  if (status !== 0 || seconds === undefined) throw new Error(`nginx -t failed: ${stderr}`)
  return Number(minutes) * 60 + Number(seconds)
}

async function running({ file, port }: Configured): Promise<number> {
  const server = new ServerProcess({
    command: 'nginx',
    args: ['-c', file, '-g', 'daemon off;'],
    logFile: join(workplace, 'geo.log'),
  })
  await server.listening(port)
  const memory = server.memoryKib()
  await server.stop()
  return memory
}
