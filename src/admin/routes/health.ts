import { z } from 'zod'
import { endpoint } from '../endpoint.ts'
import { named } from '../named-schemas.ts'
import { problem } from '../problem.ts'

const health = named('Health', z.object({ status: z.literal('ok') }))

const aliveEndpoint = endpoint({
  method: 'GET',
  path: '/healthz',
  access: 'public',
  summary: 'Whether the process answers',
  replies: { 200: { description: 'It does', schema: health } },
  handle: () => ({ status: 200, body: { status: 'ok' } }),
})

const readyEndpoint = endpoint({
  method: 'GET',
  path: '/readyz',
  access: 'public',
  summary: 'Whether the gateway takes downloads',
  replies: { 200: { description: 'It does', schema: health } },
  problems: ['not_ready'],
  handle({ services }) {
    const { ready, reason } = services.health()
    if (ready) return { status: 200, body: { status: 'ok' } }
    return problem('not_ready', reason === undefined ? {} : { detail: reason })
  },
})

const metricsEndpoint = endpoint({
  method: 'GET',
  path: '/metrics',
  access: 'public',
  summary: 'Metrics for Prometheus',
  replies: { 200: { description: 'Text exposition format', mediaType: 'text/plain' } },
  async handle({ services }) {
    const { registry } = services.metrics
    return { status: 200, body: await registry.metrics(), mediaType: registry.contentType }
  },
})

export const healthEndpoints = [aliveEndpoint, readyEndpoint, metricsEndpoint]
