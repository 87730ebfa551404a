import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServerProcess } from '../children.ts'
import { jwtSigner, newSecret, type Sign } from '../links.ts'
import { freePort, workplace } from '../workplace.ts'
import type { OriginServer } from './nginx.ts'
import type { FullPolicy } from './policy.ts'

/** HAProxy, one thread: one process, a port for each way to decide and deliver. */
export interface HaproxyGateway {
  readonly server: ServerProcess
  readonly sign: Sign
  readonly ports: {
    /** Signature, algorithm, expiry and path of a JWT in the query. */
    readonly signature: number
    /** The same, and the pin of the link, the blocklist and the downloads of one link at a time. */
    readonly full: number
    /** Signature alone; bodies by splice. */
    readonly splice: number
  }
}

export async function startHaproxy(
  origin: OriginServer,
  { blocklist, parallel }: FullPolicy,
): Promise<HaproxyGateway> {
  const secret = newSecret()
  const ports = { signature: await freePort(), full: await freePort(), splice: await freePort() }
  const configFile = join(workplace, 'haproxy.cfg')
  const deny = 'http-request deny deny_status'
  const signature = `  http-request set-var(txn.token) urlp(token)
  ${deny} 403 unless { var(txn.token),jwt_header_query('$.alg') -m str HS256 }
  ${deny} 403 unless { var(txn.token),jwt_verify("HS256","${secret}") -m int 1 }
  http-request set-var(txn.path) path
  ${deny} 403 unless { var(txn.token),jwt_payload_query('$.sub'),strcmp(txn.path) eq 0 }
  http-request set-var(txn.now) date
  http-request set-var(txn.left) var(txn.token),jwt_payload_query('$.exp','int'),sub(txn.now)
  ${deny} 410 unless { var(txn.left) -m int gt 0 }`
  // links are counted by their signature, the third part of the token
  const full = `  ${deny} 403 if { src -f ${blocklist} }
  http-request set-var(txn.client) src
  ${deny} 403 unless { var(txn.token),jwt_payload_query('$.ip'),strcmp(txn.client) eq 0 }
  stick-table type string len 44 size 1m expire 5m store conn_cur
  http-request track-sc0 var(txn.token),field(3,.)
  ${deny} 429 if { sc0_conn_cur gt ${parallel} }`
  writeFileSync(
    configFile,
    `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend signature
  bind 127.0.0.1:${ports.signature} backlog 4096
${signature}
  default_backend origin
frontend full
  bind 127.0.0.1:${ports.full} backlog 4096
${signature}
${full}
  default_backend origin
frontend splice
  option splice-auto
  option splice-response
  bind 127.0.0.1:${ports.splice} backlog 4096
${signature}
  default_backend spliced
backend origin
  http-reuse always
  server origin 127.0.0.1:${origin.port}
backend spliced
  option splice-auto
  option splice-response
  http-reuse always
  server origin 127.0.0.1:${origin.port}
`,
  )
  const server = new ServerProcess({
    command: 'haproxy',
    args: ['-db', '-f', configFile],
    logFile: join(workplace, 'haproxy.log'),
  })
  await server.listening(ports.full)
  return { server, ports, sign: jwtSigner(secret) }
}
