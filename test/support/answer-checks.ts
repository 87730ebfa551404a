import { expect } from 'vitest'
import type { Reply } from './http-client.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const EXPOSED = ['content-length', 'content-range', 'content-disposition', 'accept-ranges', 'etag']

/** What every answer of a route carries, good or bad. */
export function expectCommonHeaders({ headers }: Pick<Reply, 'headers'>): void {
  expect(headers['x-request-id']).toMatch(UUID)
  expect(headers['date']).toBe(new Date(headers['date'] ?? '').toUTCString())
  expect(headers['x-content-type-options']).toBe('nosniff')
  expect(headers['referrer-policy']).toBe('no-referrer')
  expect(headers['access-control-allow-origin']).toBe('*')
  const exposed = String(headers['access-control-expose-headers']).toLowerCase().split(/, */)
  expect(exposed).toEqual(expect.arrayContaining(EXPOSED))
}

/** An error as RFC 9457 wants it, with the contract's members and guards. */
export function expectProblem(reply: Reply, status: number, code: string): void {
  const shown = { status: reply.status, body: reply.body.toString() }
  expect(shown, shown.body).toMatchObject({ status })
  expectCommonHeaders(reply)
  expect(reply.headers['cache-control']).toBe('no-store')
  expect(reply.headers['content-type']).toBe('application/problem+json')
  expect(Number(reply.headers['content-length'])).toBe(reply.body.length)
  const problem = JSON.parse(shown.body) as Record<string, unknown>
  expect(problem).toEqual({
    type: 'about:blank',
    title: expect.stringMatching(/^[A-Z].{5,}/) as unknown,
    status,
    code,
    request_id: reply.headers['x-request-id'],
  })
}
