import { mkdirSync, mkdtempSync, truncateSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { ServerProcess } from '../children.ts'
import { newSecret, secureLinkSigner, type Sign } from '../links.ts'
import { freePort, workplace } from '../workplace.ts'
import { LARGE, SMALL } from './contender.ts'

/** nginx as the storage behind all contenders. */
export interface OriginServer {
  readonly server: ServerProcess
  readonly port: number
  /** The directory whose `files/` it serves. */
  readonly root: string
}

/** nginx as a contender: one process, a port for each way to deliver. */
export interface NginxGateway {
  readonly server: ServerProcess
  readonly sign: Sign
  readonly ports: {
    /** Proxies with the buffers that nginx has without any setting. */
    readonly defaults: number
    /** Proxies with 64 KiB buffers and no temporary files. */
    readonly large: number
    /** Default buffers without temporary files, which would fill the disk for thousands of stalled readers. */
    readonly held: number
    /** The file itself, by sendfile. */
    readonly file: number
  }
}

export async function startOrigin(): Promise<OriginServer> {
  const root = join(workplace, 'origin')
  mkdirSync(join(root, 'files'), { recursive: true })
  writeFileSync(join(root, SMALL.path), Buffer.alloc(SMALL.bytes, 'sluice '))
  writeFileSync(join(root, LARGE.path), '')
  // a file of zeros that takes no room on the disk
  truncateSync(join(root, LARGE.path), LARGE.bytes)
  const port = await freePort()
  const server = await startNginx('origin', port, [
    `server { listen 127.0.0.1:${port} backlog=4096; root ${root}; sendfile on; tcp_nopush on; }`,
  ])
  return { server, port, root }
}

export async function startNginxGateway(origin: OriginServer): Promise<NginxGateway> {
  const secret = newSecret()
  const ports = {
    defaults: await freePort(),
    large: await freePort(),
    held: await freePort(),
    file: await freePort(),
  }
  const check =
    'secure_link $arg_md5,$arg_expires; ' +
    `secure_link_md5 "$secure_link_expires$uri ${secret}"; ` +
    'if ($secure_link = "") { return 403; } if ($secure_link = "0") { return 410; }'
  const proxy = 'proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";'
  const site = (port: number, delivery: string): string =>
    `server { listen 127.0.0.1:${port} backlog=4096; location /files/ { ${check} ${delivery} } }`
  const server = await startNginx('gateway', ports.defaults, [
    `upstream origin { server 127.0.0.1:${origin.port}; keepalive 256; }`,
    site(ports.defaults, proxy),
    site(
      ports.large,
      `${proxy} proxy_buffer_size 64k; proxy_buffers 16 64k; proxy_busy_buffers_size 128k; proxy_max_temp_file_size 0;`,
    ),
    site(ports.held, `${proxy} proxy_max_temp_file_size 0;`),
    site(ports.file, `root ${origin.root}; sendfile on; tcp_nopush on;`),
  ])
  return { server, sign: secureLinkSigner(secret), ports }
}

async function startNginx(
  name: string,
  port: number,
  http: readonly string[],
): Promise<ServerProcess> {
  const directory = mkdtempSync(join(workplace, `nginx-${name}-`))

  const configFile = join(directory, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${directory}/${kind};`,
  )
  const { uid, username } = userInfo()
  const lines = [
    // the worker of a master that runs as root would not see the temporary directory
    uid === 0 ? `user ${username};` : '',
    'worker_processes 1; daemon off;',
    `pid ${directory}/pid; error_log ${directory}/error.log warn;`,
    'events { worker_connections 8192; }',
    'http {',
    'access_log off; default_type application/octet-stream; server_tokens off;',
    'keepalive_requests 100000000; keepalive_timeout 75;',
    ...temporary,
    ...http,
    '}',
  ]
  writeFileSync(configFile, lines.join('\n'))
  const server = new ServerProcess({
    command: 'nginx',
    args: ['-p', directory, '-c', configFile],
    logFile: join(directory, 'output.log'),
  })
  await server.listening(port)
  return server
}
