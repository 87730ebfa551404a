import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, mkdtempSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { ServerProcess } from '../children.ts'
import { luaSigner, newSecret, secureLinkSigner, type Sign } from '../links.ts'
import { freePort, workplace } from '../workplace.ts'
import { LARGE, SMALL } from './contender.ts'
import { hasLua, LUA_CHECK, LUA_MODULES, luaInit } from './nginx-lua.ts'

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
  /** For the port that checks in Lua. */
  readonly signLua: Sign
  readonly ports: {
    /** Proxies with the buffers that nginx has without any setting. */
    readonly defaults: number
    /** Proxies with 64 KiB buffers and no temporary files. */
    readonly large: number
    /** Default buffers without temporary files, which would fill the disk for thousands of stalled readers. */
    readonly held: number
    /** The file itself, by sendfile. */
    readonly file: number
    /** Default buffers; HMAC-SHA256 in Lua in place of secure_link. Undefined without the module. */
    readonly lua: number | undefined
  }
}

export async function startOrigin(): Promise<OriginServer> {
  const root = join(workplace, 'origin')
  mkdirSync(join(root, 'files'), { recursive: true })
  writeFileSync(join(root, SMALL.path), Buffer.alloc(SMALL.bytes, 'sluice '))
  writeLarge(join(root, LARGE.path))
  const port = await freePort()
  const server = await startNginx('origin', port, [
    `server { listen 127.0.0.1:${port} backlog=4096; root ${root}; sendfile on; tcp_nopush on; }`,
  ])
  return { server, port, root }
}

/** Real blocks, as a file that was uploaded has them: the holes of a sparse one would be read for nothing. */
function writeLarge(file: string): void {
  const block = randomBytes(2 ** 20)
  const fd = openSync(file, 'w')
  for (let at = 0; at < LARGE.bytes; at += block.length) writeSync(fd, block)
  closeSync(fd)
}

export async function startNginxGateway(origin: OriginServer): Promise<NginxGateway> {
  const secret = newSecret()
  const ports = {
    defaults: await freePort(),
    large: await freePort(),
    held: await freePort(),
    file: await freePort(),
    lua: hasLua() ? await freePort() : undefined,
  }
  const luaSecret = newSecret()
  const check =
    'secure_link $arg_md5,$arg_expires; ' +
    `secure_link_md5 "$secure_link_expires$uri ${secret}"; ` +
    'if ($secure_link = "") { return 403; } if ($secure_link = "0") { return 410; }'
  const proxy = 'proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";'
  const place = (port: number, content: string): string =>
    `server { listen 127.0.0.1:${port} backlog=4096; location /files/ { ${content} } }`
  const site = (port: number, delivery: string): string => place(port, `${check} ${delivery}`)
  const server = await startNginx('gateway', ports.defaults, [
    `upstream origin { server 127.0.0.1:${origin.port}; keepalive 256; }`,
    site(ports.defaults, proxy),
    site(
      ports.large,
      `${proxy} proxy_buffer_size 64k; proxy_buffers 16 64k; proxy_busy_buffers_size 128k; proxy_max_temp_file_size 0;`,
    ),
    site(ports.held, `${proxy} proxy_max_temp_file_size 0;`),
    site(ports.file, `root ${origin.root}; sendfile on; tcp_nopush on;`),
    ...(ports.lua === undefined
      ? []
      : [luaInit(luaSecret), place(ports.lua, `${LUA_CHECK} ${proxy}`)]),
  ])
  return { server, sign: secureLinkSigner(secret), signLua: luaSigner(luaSecret), ports }
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
    ...(hasLua() ? LUA_MODULES.map((module) => `load_module ${module};`) : []),
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
