import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lookup } from 'mime-types'

export interface ObjectServerOptions {
  /** Answers 405 to HEAD. */
  readonly refusesHead?: boolean
  /** Answers each GET with the whole object. */
  readonly ignoresRange?: boolean
  readonly certificate?: Certificate
}

/** An ordinary HTTP server for objects, on a free loopback port. */
export class ObjectServer {
  readonly #server: Server
  readonly #objects: ReadonlyMap<string, Buffer>
  readonly #options: ObjectServerOptions

  private constructor(objects: ReadonlyMap<string, Buffer>, options: ObjectServerOptions) {
    this.#objects = objects
    this.#options = options
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      this.#serve(request, response)
    }
    this.#server = options.certificate
      ? createTlsServer(options.certificate, listener)
      : createServer(listener)
  }

  static async start(
    objects: ReadonlyMap<string, Buffer>,
    options: ObjectServerOptions = {},
  ): Promise<ObjectServer> {
    const server = new ObjectServer(objects, options)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return this.#options.certificate
      ? `https://localhost:${port}/base/`
      : `http://127.0.0.1:${port}/base`
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const name = decodeURIComponent((request.url ?? '').replace(/^\/base\//, ''))
    const content = this.#objects.get(name)
    const headers: Record<string, string> = {
      etag: `"${content?.length}"`,
      'last-modified': 'Tue, 14 Nov 2023 22:13:20 GMT',
    }
    const type = lookup(name)
    if (type) headers['content-type'] = type === 'text/plain' ? 'text/plain; charset=utf-8' : type
    if (!content) {
      response.writeHead(404).end('no such object')
    } else if (request.method === 'HEAD' && this.#options.refusesHead) {
      response.writeHead(405).end()
    } else if (request.headers['if-match'] && request.headers['if-match'] !== headers['etag']) {
      response.writeHead(412).end()
    } else {
      this.#sendContent(request, response, content, headers)
    }
  }

  #sendContent(
    request: IncomingMessage,
    response: ServerResponse,
    content: Buffer,
    headers: Record<string, string>,
  ): void {
    const size = content.length
    const range = this.#options.ignoresRange
      ? null
      : /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '')
    if (!range || request.method === 'HEAD') {
      response.writeHead(200, { ...headers, 'content-length': size })
      response.end(request.method === 'HEAD' ? undefined : content)
      return
    }
    const first = range[1] ? Number(range[1]) : Math.max(0, size - Number(range[2]))
    const last = range[1] && range[2] ? Math.min(Number(range[2]), size - 1) : size - 1
    if (first >= size) {
      response
        .writeHead(416, { 'content-range': `bytes */${size}`, 'content-type': 'text/html' })
        .end('no')
      return
    }
    response.writeHead(206, {
      ...headers,
      'content-range': `bytes ${first}-${last}/${size}`,
      'content-length': last - first + 1,
    })
    response.end(content.subarray(first, last + 1))
  }
}

export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** A fresh self-signed certificate for `localhost`. */
export function makeCertificate(): Certificate {
  const directory = mkdtempSync(join(tmpdir(), 'certificate-'))
  const cert = join(directory, 'cert.pem')
  const key = join(directory, 'key.pem')
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  execFileSync(
    'openssl',
    ['req', '-x509', ...curve, '-nodes', '-days', '2', ...names, '-keyout', key, '-out', cert],
    {
      stdio: 'ignore',
    },
  )
  const certificate = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
  rmSync(directory, { recursive: true })
  return certificate
}
