import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

/** What an identity provider signs with, and what it publishes of that. */
export interface ProviderKey {
  readonly kid: string
  /** The public half. */
  readonly jwk: JWK
  sign(claims: Readonly<Record<string, unknown>>): Promise<string>
}

export async function makeProviderKey(kid: string, alg = 'RS256'): Promise<ProviderKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
  return {
    kid,
    jwk,
    sign: (claims) => new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(privateKey),
  }
}

/** An identity provider on a free loopback port: it publishes a JWK Set. */
export class KeyServer {
  /** Fetches so far. */
  fetches = 0
  /** Answers a fetch; the set of `publish` unless a test replaces it. */
  answer: (response: ServerResponse) => void = (response) => {
    response.writeHead(200, { 'Content-Type': 'application/jwk-set+json' }).end(this.#text)
  }
  #text = '{"keys":[]}'
  #port = 0
  readonly #server: Server

  private constructor() {
    this.#server = createServer((_request, response) => {
      this.fetches++
      this.answer(response)
    })
  }

  static async start(...keys: readonly object[]): Promise<KeyServer> {
    const server = new KeyServer()
    server.publish(...keys)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    server.#port = (server.#server.address() as AddressInfo).port
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/jwks.json`
  }

  publish(...keys: readonly object[]): void {
    this.#text = JSON.stringify({ keys })
  }

  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
