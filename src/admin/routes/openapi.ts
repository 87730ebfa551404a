import { z } from 'zod'
import { type Endpoint, endpoint } from '../endpoint.ts'
import { openApiDocument } from '../openapi.ts'

/** Serves the description of all endpoints, itself among them; made when it is first asked for. */
export function openApiEndpoint(endpoints: () => readonly Endpoint[]): Endpoint {
  let document: object | undefined
  return endpoint({
    method: 'GET',
    path: '/openapi.json',
    access: 'public',
    summary: 'This document',
    replies: { 200: { description: 'OpenAPI 3.1', schema: z.record(z.string(), z.unknown()) } },
    handle({ services }) {
      document ??= openApiDocument(endpoints(), services.version)
      return { status: 200, body: document }
    },
  })
}
