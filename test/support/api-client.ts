import { createHash } from 'node:crypto'
import { type Reply, send, type SendOptions } from './http-client.ts'
import type { TestGateway } from './test-gateway.ts'

/** The Bearer token of a client that may use every API. */
export const API_TOKEN = 'a-token-that-may-use-every-api'

/** What `keys/clients.json` says of that client. */
export const API_CLIENT = {
  id: 'studio',
  tokenSha256: createHash('sha256').update(API_TOKEN).digest('hex'),
  scopes: ['*'],
}

/** Sends a call with the token of that client. */
export function callApi(
  gateway: TestGateway,
  target: string,
  { headers, ...options }: SendOptions = {},
): Promise<Reply> {
  const authorization = `Bearer ${API_TOKEN}`
  return send(gateway, target, { ...options, headers: { authorization, ...headers } })
}

/** Puts an asset into the catalogue by the admin API. */
export async function putAsset(gateway: TestGateway, id: string, body: object): Promise<void> {
  const response = await gateway.admin(`/v1/assets/${id}`, { method: 'PUT', body })
  if (!response.ok) throw new Error(`PUT ${id}: ${response.status} ${await response.text()}`)
}

/** The path and query of a URL that an API handed out. */
export function targetOf(gateway: TestGateway, url: string | null): string {
  if (!url?.startsWith(`${gateway.url}/`)) throw new Error(`${url} is not of ${gateway.url}`)
  return url.slice(gateway.url.length)
}
