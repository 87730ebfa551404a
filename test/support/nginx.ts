import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Child } from './child.ts'
import { accepts, freePort } from './free-port.ts'
import { program } from './programs.ts'

export interface Nginx {
  readonly port: number
  stop(): Promise<unknown>
}

/** An nginx with one server of these directives, its files in the directory given. */
export async function startNginx(directory: string, directives: string): Promise<Nginx> {
  const port = await freePort()
  mkdirSync(directory, { recursive: true })
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${directory}/${name};`)
    .join('\n')
  const file = join(directory, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off;
pid ${directory}/nginx.pid;
error_log stderr crit;
worker_processes 1;
events {}
http {
  access_log off;
  ${temporary}
  server {
    listen 127.0.0.1:${port};
    ${directives}
  }
}
`,
  )
  const child = new Child(program('nginx'), ['-p', directory, '-c', file, '-e', 'stderr'])
  await child.until(() => accepts(port))
  return { port, stop: () => child.stop() }
}
