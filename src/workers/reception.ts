import { Agent, type ClientRequest, type IncomingMessage, request as send } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline, Readable } from 'node:stream'
import { parseAddress } from '../base/address.ts'
import type { RequestMessage, ResponseMessage } from '../http/message.ts'
import { peerOf, setProxiedPeer } from '../http/receive.ts'

/** The first field of a request that was handed over: the address of its peer and its version. */
const FIELD = 'Sluice-Handed-Over'

/** A socket in a directory that only this user can enter: who speaks there is one of our workers. */
export function makeReception(): { readonly path: string; readonly remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-'))
  return {
    path: join(directory, 'reception'),
    remove: () => {
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

type Handle = (request: RequestMessage, response: ResponseMessage) => void

/** Takes requests that a worker handed over for what they were when they came. */
export function unwrapping(handle: Handle): Handle {
  return (request, response) => {
    const unwrapped = unwrap(request)
    if (unwrapped) handle(unwrapped, response)
    else response.destroy()
  }
}

/** Undefined for what nobody handed over. */
function unwrap(message: RequestMessage): RequestMessage | undefined {
  const request = message as IncomingMessage
  const [name, value = ''] = request.rawHeaders
  const [version = '', peer = ''] = value.split(' ')
  const address = parseAddress(peer)
  if (name !== FIELD || !address) return undefined
  request.rawHeaders.splice(0, 2)
  setProxiedPeer(request.socket, address)
  request.httpVersion = version
  return request
}

/** Hands requests to the primary as they are, and brings its answers back. */
export class Reception {
  readonly #agent = new Agent({ keepAlive: true })
  readonly #socketPath: string

  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  handOver(request: RequestMessage, response: ResponseMessage): void {
    const peer = peerOf(request.socket)
    if (!peer) {
      // it is gone already: for whom the primary answers must never be in doubt
      response.destroy()
      return
    }
    const forwarded = send({
      socketPath: this.#socketPath,
      agent: this.#agent,
      method: request.method,
      path: request.url,
      headers: [FIELD, `${request.httpVersion} ${peer.text}`, ...request.rawHeaders],
      setHost: false,
    })
    response.once('close', () => {
      if (!response.writableFinished) forwarded.destroy()
    })
    forwarded.once('response', (answer) => {
      answerWith(response, answer)
    })
    forwarded.on('error', () => {
      // the primary is gone, and this process ends with it
      response.destroy()
    })
    sendBody(request, forwarded)
  }

  close(): void {
    this.#agent.destroy()
  }
}

function sendBody(request: RequestMessage, forwarded: ClientRequest): void {
  pipeline(
    request instanceof Readable ? request : Readable.from(request),
    forwarded,
    () => undefined,
  )
}

/** What the primary said of its connection to here is not the client's. */
const OF_CONNECTION = new Set(['connection', 'keep-alive', 'transfer-encoding'])

function answerWith(response: ResponseMessage, answer: IncomingMessage): void {
  const headers: string[] = []
  for (let i = 0; i < answer.rawHeaders.length; i += 2) {
    const [name = '', value = ''] = answer.rawHeaders.slice(i, i + 2)
    if (!OF_CONNECTION.has(name.toLowerCase())) headers.push(name, value)
    // it will not read the rest of the request
    else if (value === 'close') headers.push(name, value)
  }
  response.writeHead(answer.statusCode ?? 502, headers)
  answer.on('data', (chunk: Uint8Array) => {
    answer.pause()
    response.write(chunk, () => {
      answer.resume()
    })
  })
  answer.once('end', () => {
    if (answer.complete) response.end()
    else response.destroy()
  })
  answer.on('error', () => {
    response.destroy()
  })
}
