import { z } from 'zod'
import { type Declaration, type Endpoint, endpoint } from '../endpoint.ts'
import { adminDocument } from '../openapi.ts'
import { problem } from '../problem.ts'

const REPLY = { description: 'OpenAPI 3.1', schema: z.record(z.string(), z.unknown()) }

/** Serves the description of all endpoints, itself among them; made when it is first asked for. */
export function openApiEndpoint(endpoints: () => readonly Declaration[]): Endpoint {
  let document: object | undefined
  return endpoint({
    method: 'GET',
    path: '/openapi.json',
    access: 'public',
    summary: 'This document',
    replies: { 200: REPLY },
    handle({ services }) {
      document ??= adminDocument(endpoints(), services.version)
      return { status: 200, body: document }
    },
  })
}

/** Serves the description of a published API, whose paths lie on the public port. */
export const apiDocumentEndpoint = endpoint({
  method: 'GET',
  path: '/openapi/{api}.json',
  access: 'public',
  summary: 'The document of a published API that is switched on',
  replies: { 200: REPLY },
  problems: ['not_found'],
  handle({ services, parameters: { api } }) {
    const document = services.apiDocument(api)
    return document ? { status: 200, body: document } : problem('not_found')
  },
})
