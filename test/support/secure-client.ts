import { connect as connectHttp2, constants } from 'node:http2'
import { request } from 'node:https'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { http1Answer, silent } from './http1-answer.ts'
import type { Answer, Asked } from './http-client.ts'

/** Asks by HTTP/1.1 over TLS. */
export function askOverTls(asked: Asked): Promise<Answer> {
  const { raw, secure } = connectSecurely(asked, 'http/1.1')
  const { target: path, method, headers } = asked
  const { host, port } = asked
  const sent = request({
    host,
    port,
    path,
    method,
    headers,
    createConnection: () => secure,
  })
  return http1Answer(sent, asked, () => raw.resetAndDestroy())
}

/** Asks by HTTP/2, on a session of its own. */
export async function askByHttp2(asked: Asked): Promise<Answer> {
  const { host, port, target, method, patienceMs } = asked
  const { raw, secure } = connectSecurely(asked, 'h2')
  const session = connectHttp2(`https://${host}:${port}`, { createConnection: () => secure })
  session.on('error', () => {})
  const stream = session.request(
    { ':method': method, ':path': target, ...fieldsOf(asked.headers) },
    { endStream: true },
  )
  stream.setTimeout(patienceMs, () => stream.destroy(silent(asked)))
  const headers = await new Promise<IncomingHttpHeaders>((resolve, reject) => {
    stream.once('response', resolve)
    stream.once('error', reject)
    stream.once('close', () => {
      session.close()
      reject(new Error('the stream was closed without an answer'))
    })
  })
  stream.on('error', () => {})
  return {
    status: Number((headers as Record<string, unknown>)[':status']),
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':'))),
    body: stream,
    isComplete: () => stream.readableEnded && stream.rstCode === constants.NGHTTP2_NO_ERROR,
    kill(how) {
      if (how === 'reset') raw.resetAndDestroy()
      else stream.close(constants.NGHTTP2_CANCEL)
    },
  }
}

function fieldsOf(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const fields = Object.entries(headers).map(([name, value]) => {
    const lower = name.toLowerCase()
    return [lower === 'host' ? ':authority' : lower, value] as const
  })
  return Object.fromEntries(fields)
}

function connectSecurely(
  { host, port, localAddress }: Asked,
  protocol: 'http/1.1' | 'h2',
): { raw: Socket; secure: TLSSocket } {
  const raw = connect({ host, port, ...(localAddress !== undefined && { localAddress }) })
  raw.on('error', () => {})
  const secure = connectTls({ socket: raw, ALPNProtocols: [protocol], servername: 'localhost' })
  return { raw, secure }
}
