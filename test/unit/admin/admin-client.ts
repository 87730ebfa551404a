import { request } from 'node:http'
import { expect } from 'vitest'
import { adminEndpoints } from '../../../src/admin/app.ts'
import { problemsOf } from '../../../src/admin/openapi.ts'
import type { TokenName } from './fixture.ts'

export interface CallOptions {
  /** The scope of the token, an Authorization field as it is, or none at all. */
  readonly as?: TokenName | { readonly authorization: string } | 'nobody'
  readonly body?: unknown
  /** Sent as it is, instead of `body`. */
  readonly raw?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  // members are asserted on, not relied on
  readonly json: Record<string, unknown> & {
    readonly errors?: { field: string; message: string }[]
  }
}

/** By node:http, which sends what it is told, also where fetch would know better. */
export function send(
  port: number,
  method: string,
  path: string,
  authorization: string,
  { body, raw, headers }: CallOptions,
): Promise<Reply> {
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body))
  return new Promise((resolve, reject) => {
    const outgoing = request({
      port,
      host: '127.0.0.1',
      method,
      path,
      headers: {
        ...(authorization !== '' && { authorization }),
        ...(payload !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(payload),
        }),
        ...headers,
      },
    })
    outgoing.on('error', reject)
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const isJson = /json/.test(response.headers['content-type'] ?? '') && text !== ''
        const json = (isJson ? JSON.parse(text) : {}) as Reply['json']
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json })
      })
    })
    outgoing.end(payload)
  })
}

/** What holds for every answer, whatever was asked. */
export function expectGuarded(
  { status, headers, text, json }: Reply,
  secrets: readonly string[],
): void {
  expect(headers).toMatchObject({
    'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  })
  for (const secret of secrets) expect(text.includes(secret)).toBe(false)
  if (status < 400 || text === '') return
  expect(headers['content-type']).toBe('application/problem+json')
  expect(json).toMatchObject({
    type: 'about:blank',
    title: expect.any(String),
    status,
    code: expect.stringMatching(/^[a-z_]+$/),
    request_id: headers['x-request-id'],
  })
}

/** The answer is one that the declaration of the endpoint, and so the document, foresees. */
export function expectDocumented(
  method: string,
  path: string,
  { status, json, text }: Reply,
): void {
  const pathname = path.replace(/\?.*$/, '')
  const endpoint = adminEndpoints().find(
    (candidate) =>
      candidate.method === method && new RegExp(`^${patternOf(candidate.path)}$`).test(pathname),
  )
  if (!endpoint) return
  if (status >= 400) {
    expect(problemsOf(endpoint)).toContain(json['code'])
    return
  }
  const reply = endpoint.replies[status as 200 | 201 | 204]
  expect(reply).toBeDefined()
  if (status === 204) expect(text).toBe('')
  if (reply?.schema) expect(reply.schema.safeParse(json).error).toBeUndefined()
}

/** What requests for a path template look like. */
function patternOf(path: string): string {
  return path.replaceAll(/\{\w+\*\}/g, '.+').replaceAll(/\{\w+\}/g, '[^/]+')
}
