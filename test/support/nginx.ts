import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Child } from './child.ts'
import { accepts, freePort } from './free-port.ts'
import { program } from './programs.ts'

export interface Nginx {
  readonly port: number
  stop(): Promise<unknown>
}

/** An nginx with a site as an example of the docs has it, its files in `home`; it is root, like who may read those of a test. */
export function runNginxSite(home: string, site: string): Child {
  const file = join(home, 'nginx.conf')
  writeFileSync(
    file,
    `user root; daemon off; pid ${home}/nginx.pid; worker_processes 1; events {}
http { ${temporaryPaths(home).join(' ')}\n${site}}\n`,
  )
  return new Child(program('nginx'), ['-c', file, '-e', join(home, 'nginx-errors.log')])
}

function temporaryPaths(directory: string): string[] {
  return ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${directory}/${name};`,
  )
}

/** An nginx with one server of these directives, its files in the directory given. */
export async function startNginx(directory: string, directives: string): Promise<Nginx> {
  const port = await freePort()
  mkdirSync(directory, { recursive: true })
  const temporary = temporaryPaths(directory).join('\n')
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
