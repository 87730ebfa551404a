import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServerProcess } from '../children.ts'
import { jwtSigner, newSecret } from '../links.ts'
import { freePort, workplace } from '../workplace.ts'
import type { Contender } from './contender.ts'
import { ROWS } from '../names.ts'
import type { OriginServer } from './nginx.ts'

/** HAProxy, one thread: signature, algorithm, expiry and path of a JWT in the query. */
export async function startHaproxy(origin: OriginServer): Promise<Contender> {
  const secret = newSecret()
  const port = await freePort()
  const configFile = join(workplace, 'haproxy.cfg')
  writeFileSync(
    configFile,
    `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend downloads
  bind 127.0.0.1:${port} backlog 4096
  http-request set-var(txn.token) urlp(token)
  http-request deny deny_status 403 unless { var(txn.token),jwt_header_query('$.alg') -m str HS256 }
  http-request deny deny_status 403 unless { var(txn.token),jwt_verify("HS256","${secret}") -m int 1 }
  http-request set-var(txn.path) path
  http-request deny deny_status 403 unless { var(txn.token),jwt_payload_query('$.sub'),strcmp(txn.path) eq 0 }
  http-request set-var(txn.now) date
  http-request set-var(txn.left) var(txn.token),jwt_payload_query('$.exp','int'),sub(txn.now)
  http-request deny deny_status 410 unless { var(txn.left) -m int gt 0 }
  default_backend origin
backend origin
  http-reuse always
  server origin 127.0.0.1:${origin.port}
`,
  )
  const server = new ServerProcess({
    command: 'haproxy',
    args: ['-db', '-f', configFile],
    logFile: join(workplace, 'haproxy.log'),
  })
  await server.listening(port)
  return { name: ROWS.haproxy, server, port, sign: jwtSigner(secret) }
}
